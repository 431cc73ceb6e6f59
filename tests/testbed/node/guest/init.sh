#!/usr/bin/env bash
# Process 1 of the node: makes what it sees of the machine, and starts a cluster of this one node there.
#   init.sh STATE LOG PROGRAMS CONTROL-PLANE
# It prints its process id as the machine knows it, then `ready`, and then waits for its end, with which the kernel ends all
# that was started here and drops the mounts. What it changes is in its own namespaces.
#
# STATE is an empty folder for data, LOG one for what the servers say; PROGRAMS and CONTROL-PLANE hold what was built.
set -euo pipefail
read -r outer _ < /proc/self/stat
echo "$outer"
state=$1 log=$2 programs=$3 control_plane=$4
config=$(dirname "$(readlink -f "$0")")
# The configuration files beside this one say these, too.
address=10.89.0.1 pods=10.244.0.0/24 services=10.96.0.0/16

filesystems() {
  mount --make-rshared /
  hostname node-1
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  # In version 1 each controller has a hierarchy of its own, which may bring a name instead.
  local hierarchy options
  if [[ $cgroup_version == 2 ]]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
  else
    mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
    for hierarchy in "${hierarchies[@]}"; do
      options=$hierarchy
      [[ $hierarchy != systemd ]] || options=none,name=systemd
      mkdir "/sys/fs/cgroup/$hierarchy"
      mount -t cgroup -o "$options" cgroup "/sys/fs/cgroup/$hierarchy"
    done
  fi
  mount -t tmpfs -o mode=755 run /run
  mount -t tmpfs -o mode=755 log /var/log
  # Under fixed names, so that configuration files can say them.
  mkdir -p /run/node /run/programs
  mount --bind "$state" /run/node
  mount --bind "$programs" /run/programs
  kernel_settings
}

# The kubelet sets some of the kernel's settings, and ends where it may not. They belong to the machine: it finds files in their
# place that say already what it wants.
kernel_settings() {
  # In a user namespace proc can only be mounted while one without such files over it is in sight.
  mkdir /run/proc && mount -t proc proc /run/proc
  mkdir /run/node/settings
  local setting file
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file=/run/node/settings/${setting//\//.}
    echo "${setting#*=}" > "$file"
    mount --bind "$file" "/proc/sys/${setting%=*}"
  done
}

network() {
  ip link set lo up
  # The node's address is on a cable without another end, and so is the way to everything else: nothing leaves.
  ip link add node0 type veth peer name nowhere0
  ip address add "$address/24" dev node0
  ip link set node0 up
  ip link set nowhere0 up
  ip route add default via "${address%.*}.254" dev node0
  echo 1 > /proc/sys/net/ipv4/ip_forward
  # kube-network-policies judges the first packet of each connection of a pod, also to the API server. Its own rules are for
  # nftables and need a queue there, which not every kernel has; that of iptables is older.
  local queue=(-m conntrack --ctstate NEW -j NFQUEUE --queue-num 100)
  iptables -t mangle -A FORWARD -s "$pods" "${queue[@]}"
  iptables -t mangle -A FORWARD -d "$pods" ! -s "$pods" "${queue[@]}"
  iptables -t mangle -A INPUT -s "$pods" "${queue[@]}"
}

# certificate NAME SUBJECT [ALTERNATIVE-NAMES]
certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out "$1.crt" \
    -extfile <(printf 'extendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature\n%s\n' "${3:+subjectAltName=$3}")
}
certificates() (
  mkdir pki && cd pki
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=node-authority -keyout ca.key -out ca.crt
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out service-accounts.key
  openssl pkey -in service-accounts.key -pubout -out service-accounts.pub
  certificate api-server /CN=kube-apiserver \
    "IP:$address,IP:127.0.0.1,IP:${services%.*.*}.0.1,DNS:kubernetes.default.svc,DNS:kubernetes.default,DNS:kubernetes"
  certificate api-server-as-client /O=system:masters/CN=kube-apiserver-kubelet-client
  certificate admin /O=system:masters/CN=kubernetes-admin
  certificate controller-manager /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate proxy /CN=system:kube-proxy
  certificate kubelet /O=system:nodes/CN=system:node:node-1
)

# start NAME COMMAND…
start() {
  local name=$1
  shift
  "$@" > "$log/$name.log" 2>&1 < /dev/null &
}

# until_true SECONDS WHAT COMMAND…
until_true() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" > "$log/last-try.log" 2>&1; do
    ((SECONDS < limit)) || { echo "$what: $(tail -n 3 "$log/last-try.log")" >&2; exit 1; }
    sleep 0.1
  done
}

control_plane() {
  start etcd etcd --unsafe-no-fsync --data-dir=etcd --listen-client-urls=http://127.0.0.1:2379 \
    --advertise-client-urls=http://127.0.0.1:2379 --listen-peer-urls=http://127.0.0.1:2380
  start kube-apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
    --bind-address="$address" --advertise-address="$address" --secure-port=6443 --service-cluster-ip-range="$services" \
    --tls-cert-file=pki/api-server.crt --tls-private-key-file=pki/api-server.key --client-ca-file=pki/ca.crt \
    --kubelet-client-certificate=pki/api-server-as-client.crt --kubelet-client-key=pki/api-server-as-client.key \
    --kubelet-preferred-address-types=InternalIP --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --service-account-issuer=https://kubernetes.default.svc --service-account-signing-key-file=pki/service-accounts.key \
    --service-account-key-file=pki/service-accounts.pub --allow-privileged=true
  until_true 120 "the API server is not ready" kubectl get --raw=/readyz
  start kube-controller-manager kube-controller-manager --kubeconfig=controller-manager.conf --leader-elect=false \
    --root-ca-file=pki/ca.crt --service-account-private-key-file=pki/service-accounts.key --use-service-account-credentials
  start kube-scheduler kube-scheduler --kubeconfig=scheduler.conf --leader-elect=false
}

# It asks for its rights as a pod does.
network_policies() {
  local account=/run/secrets/kubernetes.io/serviceaccount
  kubectl apply -f "$config/network-policies.yaml"
  mkdir -p "$account" && cp pki/ca.crt "$account/"
  kubectl create token --namespace=kube-system network-policies --duration=24h > "$account/token"
  start kube-network-policies env KUBERNETES_SERVICE_HOST="$address" KUBERNETES_SERVICE_PORT=6443 \
    kube-network-policies --hostname-override=node-1 --metrics-bind-address=127.0.0.1:9080
}

node() {
  start kubelet kubelet --config="$config/kubelet.yaml" --root-dir=/run/node/kubelet --kubeconfig=kubelet.conf \
    --hostname-override=node-1 --node-ip="$address"
  start kube-proxy kube-proxy --config="$config/kube-proxy.yaml"
  network_policies >> "$log/init.log"
  until_true 120 "the node is not ready" kubectl wait --for=condition=Ready node/node-1 --timeout=5s
}

cgroup_version=1
[[ $(stat -f -c %T /sys/fs/cgroup) != cgroup2fs ]] || cgroup_version=2
mapfile -t hierarchies < <(awk '$3 == "cgroup" { n = split($2, folders, "/"); print folders[n] }' /proc/mounts)
filesystems
cd /run/node
network
export PATH=/run/programs:$control_plane:$PATH KUBECONFIG=/run/node/admin.conf
certificates 2>> "$log/init.log"
for user in admin controller-manager scheduler proxy kubelet; do
  sed "s/USER/$user/g" "$config/kubeconfig.yaml" > "$user.conf"
done
cp -r "$config/cni" "$config/registries" .
mkdir registry
start registry registry registry "$address:5000" "$address:5001" puller not-a-secret
start containerd containerd --config "$config/containerd.toml"
control_plane
node
echo ready
# Reaps what is handed to it.
wait
