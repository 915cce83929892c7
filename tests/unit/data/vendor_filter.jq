del(.JsonConfig.Job) |
.JsonConfig.Deployment.spec.template.spec.volumes |= . + [{name:"monq-ca-certificates",secret:{secretName:"monq-ca-certificates",optional:true}}] |
.JsonConfig."Container-api".volumeMounts |= . + [{name:"monq-ca-certificates",mountPath:"/certs"}] |
.JsonConfig."Container-console".volumeMounts |= . + [{name:"monq-ca-certificates",mountPath:"/certs"}] |
.JsonConfig.routingIngress = {kind:"Ingress",spec:{rules:[]},metadata:{name:"%AppName%",namespace:"%Namespace%"},apiVersion:"extensions/v1beta1"} |
.JsonConfig.Parameters |= . + [{Name:"%IngressSnippet%",Value:"proxy_set_header X-Smon-Userspace-Id 1;"}] |
.JsonConfig.Parameters |= . + [{Name:"%AliasDomains%",Value:$alias}] |
.JsonConfig.Parameters |= . + [{Name:"%IngressSecrets%",Value:$secrets}]
