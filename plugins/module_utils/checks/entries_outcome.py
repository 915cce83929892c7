# Copyright: (c) 2026, Monq platform collection authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

STOP, WARNING, INFO = "stop", "warning", "info"

ENTRIES = {
    "MONQ-079": {
        "name": "rollout",
        "title": "A Deployment has not rolled out",
        "severity": (STOP, WARNING),
        "reads": "Deployments, after the upgrade",
        "why": "A service of the new release does not work, or not in full. What was unhealthy before is a warning.",
        "do": "Describe the Deployment and its pods with kubectl, as the finding says.",
    },
    "MONQ-080": {
        "name": "version.unknown",
        "title": "The version of a module is not known",
        "severity": (WARNING,),
        "reads": "image tags, after the upgrade",
        "why": "No image tag of the module matches monq_module_version_pattern.",
        "do": "Correct monq_module_version_pattern, or check the version yourself.",
    },
    "MONQ-081": {
        "name": "version.images",
        "title": "A module has images of another version",
        "severity": (STOP,),
        "reads": "image tags, after the upgrade",
        "why": "Replace did not reach these Deployments, or the registry knows another version of them.",
        "do": "Check what monqctl release update microservices printed for the module.",
    },
    "MONQ-082": {
        "name": "replicas.differ",
        "title": "A replica count is not what it was",
        "severity": (STOP, WARNING),
        "reads": "Deployments and the registry, after the upgrade, and the snapshot",
        "why": "Replace resets counts. Once the release is closed, somebody may have scaled on purpose: a warning.",
        "do": "Restore the count, or find out who changed it.",
    },
    "MONQ-083": {
        "name": "routes.old",
        "title": "An old route still exists",
        "severity": (STOP,),
        "reads": "Ingresses, after the upgrade",
        "why": "It competes with the new routes.",
        "do": "Find out who created it again, delete it, and run verify.yml again.",
    },
    "MONQ-084": {
        "name": "routes.unserved",
        "title": "A domain has no new route",
        "severity": (STOP,),
        "reads": "Ingresses, after the upgrade",
        "why": "Users of this domain do not reach Monq.",
        "do": "Compare the template in the registry with monq_alias_domains.",
    },
    "MONQ-085": {
        "name": "rollback.confirmation",
        "check": "confirmation",
        "title": "The rollback is not confirmed",
        "severity": (STOP,),
        "reads": "monq_confirm_rollback, monq_environment",
        "why": "A rollback takes the platform down, and restores databases to what they were.",
        "do": "Read what cannot be undone, then add -e monq_confirm_rollback=NAME of the environment.",
    },
    "MONQ-086": {
        "name": "closed",
        "title": "The upgrade is finished and verified",
        "severity": (STOP,),
        "reads": "the ledger",
        "why": "The release has been in use since; what users did with it would be lost.",
        "do": "Once its users have been told, add -e monq_rollback_closed=true.",
    },
    "MONQ-087": {
        "name": "alive",
        "title": "A step of the upgrade may still be running",
        "severity": (STOP,),
        "reads": "the ledger, the processes of this machine",
        "why": "A rollback must not race with what it takes back.",
        "do": "Wait for it to end; where it ran elsewhere, make sure of it and decide with monq_resolve.",
    },
    "MONQ-088": {
        "name": "snapshot",
        "title": "A snapshot cannot be used",
        "severity": (STOP, WARNING, INFO),
        "reads": "the Secrets of the snapshots, their checksums in the ledger",
        "why": "A missing or altered snapshot cannot be restored.",
        "do": "Restore the Secrets from a backup of the cluster.",
    },
    "MONQ-089": {
        "name": "dump",
        "title": "A dump cannot be used",
        "severity": (STOP, WARNING),
        "reads": "the dumps in monq_backup_dir, their checksums in the ledger",
        "why": "The database cannot be restored from it.",
        "do": "Put the file back from a copy, or leave its database out of monq_rollback_databases.",
    },
    "MONQ-090": {
        "name": "database",
        "title": "A database cannot be restored",
        "severity": (STOP, WARNING),
        "reads": "the PostgreSQL server",
        "why": "The restore would fail with the platform down.",
        "do": "Grant what the finding names to the role in monq_postgresql_user.",
    },
}
