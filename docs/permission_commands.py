"""The shell commands of the page on permissions."""

from __future__ import annotations

ACCOUNT_COMMANDS = r""".. code-block:: bash

   ns=monq                                    # monq_namespace
   kubectl apply -n $ns -f docs/permissions/monq-upgrade.yml

   # A token for a day. With kubectl 1.24 or newer: token=$(kubectl create token -n $ns monq-upgrade --duration 24h)
   echo '{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}' \
     > request.json
   token=$(kubectl create --raw /api/v1/namespaces/$ns/serviceaccounts/monq-upgrade/token -f request.json \
     | jq -r .status.token)

   # The kubeconfig, with the cluster of your current context and the account's token, which is on no command line.
   umask 077
   kubectl config view --raw --flatten --minify -o json | T=$token jq '
     .users = [{name: "monq-upgrade", user: {token: env.T}}]
     | .contexts = [{name: "monq-upgrade", context: {cluster: .clusters[0].name, user: "monq-upgrade"}}]
     | ."current-context" = "monq-upgrade"' > monq-upgrade.kubeconfig

   # In the inventory:
   #   monq_kubeconfig: /path/of/monq-upgrade.kubeconfig
   #   monq_kube_context: monq-upgrade"""

OPTIONAL_COMMANDS = """.. code-block:: bash

   kubectl create clusterrole monq-upgrade-namespaces --verb=get --resource=namespaces
   kubectl create clusterrole monq-upgrade-ingresses --verb=list --resource=ingresses.extensions
   kubectl create clusterrole monq-upgrade-controllers --verb=list --resource=deployments.apps,daemonsets.apps
   for role in monq-upgrade-namespaces monq-upgrade-ingresses monq-upgrade-controllers; do
     kubectl create clusterrolebinding $role-$ns --clusterrole=$role --serviceaccount=$ns:monq-upgrade
   done
   # The setting for snippets is in the ConfigMap of the Ingress controller, for example:
   kubectl create role monq-upgrade-snippets -n ingress-nginx --verb=get --resource=configmaps \\
     --resource-name=ingress-nginx-controller
   kubectl create rolebinding monq-upgrade-snippets-$ns -n ingress-nginx --role=monq-upgrade-snippets \\
     --serviceaccount=$ns:monq-upgrade"""
