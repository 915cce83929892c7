# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: databases
short_description: The databases of microservices
version_added: 1.0.0
description:
  - Adds the name of its database to each microservice. C(a-b) uses C(a_b) unless O(names) says otherwise.
options:
  _input:
    description: Names of microservices.
    type: list
    elements: str
    required: true
  names:
    description: Maps a microservice to the name of its database.
    type: dict
    default: {}
positional: names
author:
  - Monq platform collection authors (@monq)
"""

EXAMPLES = r"""
# [{'microservice': 'pl-i18n-service', 'database': 'pl_i18n_service'}]
databases: "{{ ['pl-i18n-service'] | monq.platform.databases(monq_database_names) }}"
"""

RETURN = r"""
_value:
  description: Microservice and database, in the given order.
  type: list
  elements: dict
"""

from ..module_utils.postgres.dump import databases


class FilterModule:
    """Filters on lists of microservices."""

    def filters(self):
        return {"databases": databases}
