#!/usr/bin/env bash
# Completes the folder of a release's files: the krew manifest with the sums of the plugin's archives, the CRDs,
# Kyma's module and SHA256SUMS. Writes the release notes to notes.md. Needs kubectl.
#
#   assemble.sh VERSION IMAGE_DIGEST FOLDER
set -euo pipefail
version=${1:?version, without v} digest=${2:?digest of the image} folder=$(cd "${3:?folder}" && pwd)
cd "$(dirname "$0")/../.."
fail() { echo "assemble.sh: $*" >&2; exit 1; }
[[ $digest =~ ^sha256:[0-9a-f]{64}$ ]] || fail "\"$digest\" is not a digest"

krew=$folder/aicore-registry.yaml
# The first lines speak of the template.
sed -e '/^#/d' -e "s/VERSION/v$version/g" deploy/krew/aicore-registry.yaml > "$krew"
for platform in linux_amd64 linux_arm64 darwin_amd64 darwin_arm64; do
  archive=$folder/kubectl-aicore_registry_$platform.tar.gz
  [[ -s $archive ]] || fail "there is no $archive"
  sum=$(sha256sum "$archive" | cut -d' ' -f1)
  sed -i "s/\<SHA256_${platform^^}\>/$sum/" "$krew"
done
! grep -n 'SHA256_\|VERSION' "$krew" || fail "the krew manifest is not complete"

cp crds/*.aicore-registry.dev.yaml "$folder/"

# What Kyma's module installs, and the module. The image has a tag and no digest: Kyma dashboard reads the version from it.
kubectl kustomize deploy/kyma > "$folder/aicore-registry-kyma.yaml"
grep -q "image: ghcr.io/aicore-registry/aicore-registry-operator:$version\$" "$folder/aicore-registry-kyma.yaml" \
  || fail "deploy/kyma installs another version"
cp deploy/kyma/module-template.yaml "$folder/kyma-module-template.yaml"
(cd "$folder" && sha256sum -- * > SHA256SUMS)

{
  # The version's section of the changelog.
  awk -v heading="## [$version]" 'index($0, "## [") == 1 { found = index($0, heading) == 1; next } /^\[/ { next } found' CHANGELOG.md
  printf '\nImage: `ghcr.io/aicore-registry/aicore-registry-operator:%s@%s`\n\n' "$version" "$digest"
  printf 'How to check all of this: [docs/verify.md](https://github.com/aicore-registry/aicore-registry-operator/blob/v%s/docs/verify.md)\n' "$version"
} > notes.md
[[ $(wc -l < notes.md) -gt 5 ]] || fail "CHANGELOG.md says nothing about $version"
