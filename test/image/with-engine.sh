#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0

# Runs a command with a container engine, which ENGINE names. A docker whose engine answers is taken as it is. Else podman, from
# Debian's packages where it is missing, on storage of its own that is removed at the end; `docker` is then podman too, because kustomize
# calls that name alone. Where no container can run it says so in one line, and the command is not run.
set -euo pipefail

skip() {
	echo "make image-test was skipped: $1"
	exit 0
}

install() {
	local id='' codename='' packages=(podman runc buildah)
	[[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return 1
	id=$(. /etc/os-release && echo "$ID-${VERSION_CODENAME-}")
	# Debian takes an old package off its mirrors with each point release, so the upstream version is all that can be pinned.
	[[ $id != debian-bookworm ]] || packages=('podman=4.3.1*' 'runc=1.1.5*' 'buildah=1.28.2*')
	export DEBIAN_FRONTEND=noninteractive
	apt-get install -qq --no-install-recommends "${packages[@]}" >"$dir/apt.log" 2>&1 ||
		{ apt-get update -qq && apt-get install -qq --no-install-recommends "${packages[@]}"; } >"$dir/apt.log" 2>&1
}

# configure writes what podman, buildah and whoever calls them read from the environment.
configure() {
	export CONTAINERS_CONF=$dir/containers.conf CONTAINERS_STORAGE_CONF=$dir/storage.conf KPT_FN_RUNTIME=podman KRM_FN_RUNTIME=podman
	{
		# Podman's own limits are higher than what a machine without CAP_SYS_RESOURCE may set.
		printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\nlog_driver = "k8s-file"\n'
		printf '[engine]\nevents_logger = "none"\n'
		if command -v runc >/dev/null; then echo 'runtime = "runc"'; fi
		if [[ ! -d /run/systemd/system ]]; then echo 'cgroup_manager = "cgroupfs"'; fi
	} >"$CONTAINERS_CONF"
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/root"\nrunroot = "%s/run"\n' "$dir" "$dir" >"$CONTAINERS_STORAGE_CONF"
	mkdir "$dir/bin"
	printf '#!/bin/sh\nexec podman "$@"\n' >"$dir/bin/docker"
	chmod +x "$dir/bin/docker"
	export PATH=$dir/bin:$PATH
}

# try runs a program that does nothing, under a limit of memory.
try() {
	mkdir "$dir/try"
	printf 'package main\n\nfunc main() {}\n' >"$dir/try/main.go"
	CGO_ENABLED=0 go build -o "$dir/try/try" "$dir/try/main.go"
	printf 'FROM scratch\nCOPY try /try\nENTRYPOINT ["/try"]\n' >"$dir/try/Dockerfile"
	{ "$ENGINE" build --tag localhost/image-test-try:dev "$dir/try" &&
		"$ENGINE" run --rm --network none --memory 64m localhost/image-test-try:dev && "$ENGINE" rmi localhost/image-test-try:dev; } >"$dir/try.log" 2>&1
}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if docker info >/dev/null 2>&1; then
	export ENGINE=docker
else
	export ENGINE=podman
	command -v podman >/dev/null || install || skip "no docker engine answers, podman is missing, and apt-get could not install it: $(tail -n 1 "$dir/apt.log" 2>/dev/null || echo 'it takes root and apt-get')"
	configure
fi
try || skip "$ENGINE cannot run a container here: $(tail -n 1 "$dir/try.log")"
echo "make image-test: $("$ENGINE" --version)$(command -v runc >/dev/null && runc --version | head -n 1 | sed 's/^/, /')"
"$@"
