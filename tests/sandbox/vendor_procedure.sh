#!/usr/bin/env bash
# GNU General Public License v3.0+
# The vendor's procedure for 6.0.0 by hand, command by command, on one installation of the sandbox. It is the reference for the equivalence
# test: exactly what the release notes say, with their flaws, and without the collection's improvements.
#
# usage: vendor_procedure.sh NAME        PAUSE=60 for the pause of the notes (default 0); WORK=DIR keeps the working files
#
# It deviates only in form: values are in variables, nothing secret is printed (the notes echo the token), $secrets is quoted (unquoted, jq fails on spaces),
# and kubectl and monqctl use the installation's own kubeconfig and HOME.
set -u                                     # no `set -e`: some of the notes' own commands fail, and the notes go on
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=${1:?usage: vendor_procedure.sh NAME}
PAUSE=${PAUSE:-0}
work=${WORK:-$(mktemp -d)}
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
facts=$("$here/sandbox" facts) || exit 1
fact() { jq -er "$1" <<<"$facts"; }
mine() { jq -er --arg name "$name" ".installations[\$name] | $1" <<<"$facts"; }
mine . >/dev/null || { echo "no installation $name" >&2; exit 1; }

KUBECONFIG=$(fact .kubeconfig); export KUBECONFIG
kube_context=$(mine .kube_context)
HOME=$(mine .monqctl_home); export HOME
monqctl_path=$(mine .monqctl)
modules=" $(mine '.modules | join(" ")') "
failed=0
show() { printf '+ %s\n' "$*"; }
monqctl() {
  local status
  "$monqctl_path" "$@" && return
  status=$?
  failed=$((failed + 1))
  echo "status $status of: monqctl $1 ${2:-} ${3:-}" >&2
  return $status
}
kubectl() { command kubectl --context "$kube_context" "$@" 2> >(grep -v '^Warning:' >&2); }
has() { [[ $modules == *" $1 "* ]]; }
cd "$work" || exit 1

# Бэкапы баз данных
export PGPASSWORD; PGPASSWORD=$(mine .postgresql.password)
for database in pl_user_grants_api_service pl_identity_service; do
  show pg_dump $database
  pg_dump -h "$(mine .postgresql.host)" -p "$(mine .postgresql.port)" -U "$(mine .postgresql.user)" -Fc -f "$database.dump" "$database"
done

# Задать новый токен доступа в Monq Release Hub
show Release Hub
token=$(mine .releasehub_token)
monqctl config get releasehubs
monqctl config set releasehub "$(mine .releasehub_name)" --token "$token" --server "$(mine .releasehub_server)"

# Создать токен для авторизации в реестре микросервисов
show registry token
namespace=$(mine .namespace)
token=$(openssl rand -base64 32)
kubectl create secret generic registry-token -n "$namespace" --from-literal=secure_token="$token"
kubectl set env -n "$namespace" deployment/pl-microservice-registry-api-service --from=secret/registry-token

# Установить токен авторизации в реестре в контекст monqctl
monqctl config get credentials
monqctl config set credential "$(mine .credential_name)" --registry-token "$token"

# Выполнить обновление реестра микросервисов
show registry 3.2.0
monqctl registry update registry --version=3.2.0

# Выполнить обновление шаблонов k8s в реестре микросервисов
show template
monqctl registry get services K8s --output json > registry-k8s-template.backup.json
alias=$(mine '.alias_domains | join(",")')
secrets=$(mine '.ingress_secrets | tojson')
cat registry-k8s-template.backup.json | jq --arg alias "$alias" --argjson secrets "$secrets" 'del(.JsonConfig.Job) |
.JsonConfig.Deployment.spec.template.spec.volumes |= . + [{name:"monq-ca-certificates",secret:{secretName:"monq-ca-certificates",optional:true}}] |
.JsonConfig."Container-api".volumeMounts |= . + [{name:"monq-ca-certificates",mountPath:"/certs"}] |
.JsonConfig."Container-console".volumeMounts |= . + [{name:"monq-ca-certificates",mountPath:"/certs"}] |
.JsonConfig.routingIngress = {kind:"Ingress",spec:{rules:[]},metadata:{name:"%AppName%",namespace:"%Namespace%"},apiVersion:"extensions/v1beta1"} |
.JsonConfig.Parameters |= . + [{Name:"%IngressSnippet%",Value:"proxy_set_header X-Smon-Userspace-Id 1;"}] |
.JsonConfig.Parameters |= . + [{Name:"%AliasDomains%",Value:$alias}] |
.JsonConfig.Parameters |= . + [{Name:"%IngressSecrets%",Value:$secrets}]
' > registry-k8s-template.json
monqctl registry apply service K8s --file registry-k8s-template.json

# Предрелизная подготовка
show before the release
monqctl config current-context
monqctl registry get status
monqctl registry get services
monqctl release use-version 6.0.0 --product=monq

# "Перед обновлением следует выписать к-во реплик по микросервисам"
show replica counts written down
monqctl registry get microservices --output json > registry-counts.json
kubectl get deployments -n "$namespace" -o json > kubernetes-counts.json

# Удалить старые маршруты
show old routes
kubectl delete ing -n "$namespace" frontend-box frontend-box-api
kubectl delete ing -n "$namespace" pl-routing-external pl-routing-internal
if has cl; then kubectl delete ing -n "$namespace" cl-routing-external cl-routing-internal; fi
if has sm; then kubectl delete ing -n "$namespace" sm-routing-external sm-routing-internal; fi
if has fm; then kubectl delete ing -n "$namespace" fm-routing-external fm-routing-internal; fi
# "При использовании алиасных доменов необходимо так же удалить ingress маршрутизации для них": kubectl does not support such patterns, and deletes nothing.
if [ -n "$alias" ]; then kubectl delete ing -n "$namespace" frontend-*; fi
sleep "$PAUSE"

# Применить новую маршрутизацию
show new routes
monqctl release update routing --module=pl
if has cl; then monqctl release update routing --module=cl; fi
if has sm; then monqctl release update routing --module=sm; fi
if has fm; then monqctl release update routing --module=fm; fi
if has sm; then monqctl release update routing --module=sm --file monq.json; fi

# "… и после обновления выставить их обратно в реестре и Kubernetes"
counts_back() {
  local service count
  monqctl registry get microservices --output json > after.json          # a service that is gone with the release has no count
  while read -r service count; do
    jq -e --arg name "$service" 'any(.[]; .Name == $name)' after.json > /dev/null || continue
    monqctl registry get microservices "$service" --output json > microservice.json
    jq --argjson count "$count" '.Replicas = $count' microservice.json > microservice.new.json
    monqctl registry apply microservice "$service" --file microservice.new.json
  done < <(jq -r --arg wanted "$1" '.[] | select(.Module == $wanted) | "\(.Name) \(.Replicas)"' registry-counts.json)
  while read -r service count; do
    jq -e --arg name "$service" 'any(.[]; .Name == $name)' after.json > /dev/null || continue
    kubectl scale deployment -n "$namespace" "$service" --replicas="$count"
  done < <(jq -r --arg wanted "$1" '.items[] | select(.metadata.labels["monq.module"] == $wanted) | "\(.metadata.name) \(.spec.replicas)"' kubernetes-counts.json)
}

# Monq Platform (pl)
show pl
monqctl release update images --module=pl
monqctl release update db pgsql --module=pl --microservice=pl-i18n-service --file sqls/pl-i18n-service.sql
monqctl release update db pgsql --module=pl --microservice=pl-automaton-rules-api-service --file sqls/pl-automaton-rules-api-service.sql
monqctl release update db pgsql --module=pl --microservice=pl-user-grants-api-service --file sqls/pl-user-grants-api-service.sql
monqctl release update db pgsql --module=pl --microservice=pl-userspaces-api-service --file sqls/pl-userspaces-api-service.sql
monqctl release update db pgsql --module=pl --microservice=pl-userspaces-api-service --file userspace-configuration.sql
monqctl release update microservices --module=pl --k8s-merge-type=Replace
counts_back pl
monqctl instance clear cache --microservice=pl-i18n-service
monqctl instance clear cache --microservice=pl-user-grants-api-service
monqctl instance clear cache --microservice=pl-userspaces-api-service

# Monq Service Monitor (sm)
if has sm; then
  show sm
  monqctl release update images --module=sm
  monqctl release update db pgsql --module=sm --microservice=pl-userspaces-api-service --file userspace-configuration.sql
  monqctl release update microservices --module=sm --k8s-merge-type=Replace
  counts_back sm
  monqctl instance clear cache --microservice=pl-userspaces-api-service
fi

# Monq Collector (cl)
if has cl; then
  show cl
  monqctl release update images --module=cl
  monqctl release update db pgsql --module=cl --microservice=cl-streams-service --file sqls/cl-streams-service.sql
  monqctl release update db pgsql --module=cl --microservice=pl-identity-service --file sqls/pl-identity-service.sql
  monqctl release update db pgsql --module=cl --microservice=pl-userspaces-api-service --file userspace-configuration.sql
  monqctl release update microservices --module=cl --k8s-merge-type=Replace
  counts_back cl
  monqctl instance clear cache --microservice=pl-identity-service
  monqctl instance clear cache --microservice=pl-userspaces-api-service
fi

# Test Forge (fm)
if has fm; then
  show fm
  monqctl release update images --module=fm
  monqctl release update db pgsql --module=fm --microservice=fm-projects-api-service --file sqls/fm-projects-api-service.sql
  monqctl release update db pgsql --module=fm --microservice=pl-userspaces-api-service --file userspace-configuration.sql
  monqctl release update microservices --module=fm --k8s-merge-type=Replace
  counts_back fm
  monqctl instance clear cache --microservice=pl-userspaces-api-service
fi
show "done; $failed monqctl calls failed"
