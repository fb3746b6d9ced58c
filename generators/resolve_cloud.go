// SPDX-License-Identifier: Apache-2.0

package generators

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/mr-tron/base58"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/restate-integration/restate-integration/internal/diag"
)

// The patterns that Restate's operator (in-process mode) and SDKs enforce on identifiers.
var (
	environmentPattern = newPattern(`^env_[A-Za-z0-9_-]+$`)
	regionPattern      = newPattern(`^[a-z0-9-]+(\.[a-z0-9-]+)*$`)
	byocPattern        = newPattern(`^[a-z0-9-]+\.byoc$`)
)

const (
	signingKeyPrefix = "publickeyv1_"
	// signingKeyBytes is the length of an Ed25519 public key. The tunnel client does not check it: with a key of another length
	// it becomes ready and refuses every request.
	signingKeyBytes = 32
	cloudDomain     = "restate.cloud"
)

func (r *resolver) cloud() {
	c, path := r.spec.Cloud, specPath.Child("cloud")
	id, region, key := path.Child("environmentId"), path.Child("region"), path.Child("signingPublicKey")
	r.required(id, c.EnvironmentID, "the id that the Restate Cloud console shows, env_...")
	r.required(region, c.Region, "us, eu, or <id>.byoc")
	r.required(key, c.SigningPublicKey, "the key that the Restate Cloud console shows, publickeyv1_...")
	// The id without env_ is a label of host names, and so at most 63 characters long.
	if c.EnvironmentID != "" && (!environmentPattern().MatchString(c.EnvironmentID) || len(c.ID()) > maxName) {
		r.problem(diag.BadEnvironment, id, c.EnvironmentID, "copy it from the Restate Cloud console", "must be env_ followed by 1 to 63 letters, digits, - or _")
	}
	r.region(region, c.Region)
	if c.SigningPublicKey != "" && !validSigningKey(c.SigningPublicKey) {
		r.problem(diag.BadSigningKey, key, "", "copy it from the Restate Cloud console", "must be publickeyv1_ followed by the base58 form of exactly 32 bytes")
	}
	for i, host := range c.AllowedHosts {
		r.domain(path.Child("allowedHosts").Index(i), host)
	}
	r.overrideURL(path.Child("ingressURL"), r.given.IngressURL, c.AllowedHosts)
	r.overrideURL(path.Child("adminURL"), r.given.AdminURL, c.AllowedHosts)
	r.m.Cloud = c
	r.m.Cloud.IngressURL = strings.TrimSuffix(c.IngressURL, "/")
	r.m.Cloud.AdminURL = strings.TrimSuffix(c.AdminURL, "/")
}

func (r *resolver) region(path *field.Path, region string) {
	switch {
	case region == "":
	case !regionPattern().MatchString(region):
		r.problem(diag.BadRegion, path, region, "write us, eu, or <id>.byoc", "must be lower-case letters, digits and hyphens, separated by dots")
	case looksTyped().MatchString(region):
		r.problem(diag.BadRegion, path, region, "write us, eu, or <id>.byoc", "must not read as a number, which the tunnel client refuses even when quoted")
	case region != "us" && region != "eu" && !byocPattern().MatchString(region):
		r.problem(diag.UnknownRegion, path, region, "check the spelling; known are us, eu and <id>.byoc", "is not a known region")
	}
}

func validSigningKey(key string) bool {
	encoded, found := strings.CutPrefix(key, signingKeyPrefix)
	if !found {
		return false
	}
	raw, err := base58.Decode(encoded)
	return err == nil && len(raw) == signingKeyBytes
}

// overrideURL keeps the API key from being sent in clear, or to a host that nobody named.
func (r *resolver) overrideURL(path *field.Path, raw string, allowed []string) {
	if raw == "" {
		return
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery || !validURLPort(u) {
		r.problem(diag.BadURL, path, "", "write https://host:port", "must be an https URL with a host, and at most a port and a path besides")
		return
	}
	host := u.Hostname()
	if host != cloudDomain && !strings.HasSuffix(host, "."+cloudDomain) && !slices.Contains(allowed, host) {
		r.problem(diag.HostNotAllowed, path, host, "add the host to spec.cloud.allowedHosts if it may receive the API key", "must lead to a host of *.%s", cloudDomain)
	}
}

func validURLPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.Atoi(u.Port())
	return err == nil && n >= 1 && n <= 65535
}

// urlPort is the port of a valid https URL.
func urlPort(raw string) int32 {
	u, err := url.Parse(raw)
	if err != nil || u.Port() == "" {
		return 443
	}
	n, _ := strconv.ParseInt(u.Port(), 10, 32)
	return int32(n)
}
