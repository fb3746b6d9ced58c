// SPDX-License-Identifier: Apache-2.0

package generators

// registrationScript is what a registration Job runs, under /bin/sh -eu. Every value comes from the environment. It needs nothing but
// the shell, cat and the Restate CLI (1.7.2 and 1.7.12 were run).
//
// The exit code of the CLI proves nothing by itself: registering a known URL exits 0, asks nobody and changes nothing, and a refused
// token, an unreachable server and a token with a newline all end in "Unable to connect". So the script looks at what it got, and
// its last line says the cause and what to do.
const registrationScript = `fail() { # exit code, cause and remedy
  printf 'registration of %s failed: %s\n' "$SERVICE" "$2"
  exit "$1"
}

token=$(cat "$TOKEN_FILE") || fail 1 "the token cannot be read: put an Admin-role key into Secret $SECRET"
token=${token#"${token%%[![:space:]]*}"}
token=${token%"${token##*[![:space:]]}"}
case $token in
'') fail 1 "the token is empty: put an Admin-role key into Secret $SECRET" ;;
*[[:space:]]*) fail 1 "the token has a blank or a line break inside: put one Admin-role key into Secret $SECRET" ;;
esac
export RESTATE_AUTH_TOKEN="$token"

set -- deployments register "$DEPLOYMENT_URL" --yes
[ -z "$REVISION" ] || set -- "$@" --metadata "restate-integration.dev/revision=$REVISION"
[ "$USE_HTTP11" = false ] || set -- "$@" --use-http1.1
[ "$FORCE" = false ] || set -- "$@" --force

if ! output=$(restate "$@" 2>&1); then
  printf '%s\n' "$output"
  refused="$RESTATE_ADMIN_URL refused the token: put an Admin-role key of this environment into Secret $SECRET"
  case $output in
  *'Unable to connect to the Restate server'*)
    answer=$(restate -vv deployments list 2>&1) || :
    case $answer in
    *'(401 '* | *'(403 '*) fail 1 "$refused" ;;
    *'Response from '*' ('[45][0-9][0-9]' '*)
      answer=${answer##*Response from }
      answer=${answer#*(}
      fail 1 "$RESTATE_ADMIN_URL answers ${answer%%)*}, as the admin API does not: check spec.cloud.adminURL"
      ;;
    *) fail 1 "$RESTATE_ADMIN_URL cannot be reached: check DNS, the egress policy of this pod, and spec.cloud.adminURL" ;;
    esac
    ;;
  *'Http status code 401 '* | *'Http status code 403 '*) fail 1 "$refused" ;;
  *'Protocol error'* | *'Could not verify the admin API'*) fail 1 "$RESTATE_ADMIN_URL does not answer as the admin API does: check spec.cloud.adminURL, and that Secret $SECRET has an Admin-role key" ;;
  *META0014*) fail 2 "the service speaks HTTP/1.1 only: set spec.services.$SERVICE.useHTTP11" ;;
  *META0006*) fail 2 "Restate takes the change for a breaking one: give the Restate service another name, or set spec.services.$SERVICE.registration.force" ;;
  *META0013*) fail 1 "what answers at $DEPLOYMENT_URL is no Restate endpoint: check port and path of spec.services.$SERVICE" ;;
  *META0003*"status code '401"*) fail 1 "Restate's signature was refused: the service and spec.cloud.signingPublicKey need the signing public key of this environment" ;;
  *META0003*"status code '404"*) fail 1 "nothing is at $DEPLOYMENT_URL: check port and path of spec.services.$SERVICE, and that the tunnel is up" ;;
  *META0003* | *'timed out'*) fail 1 "Restate got no answer through $DEPLOYMENT_URL: check that the tunnel is up, that the service runs and listens there, that its policies admit the tunnel, and that it speaks HTTP/2, or set spec.services.$SERVICE.useHTTP11" ;;
  *) fail 1 "the Restate CLI failed as it says above" ;;
  esac
fi
printf '%s\n' "$output"

# A change of a known service names the deployment of the old version as well, so that not every id is the one.
case $output in
*'Deployment ID:'*) id=${output#*Deployment ID:} ;;
*'already exists with id '*) id=${output#*already exists with id } ;;
*) fail 1 "the Restate CLI named no deployment" ;;
esac
id=dp_${id#*dp_}
id=${id%%[!A-Za-z0-9_]*}

found=$(restate deployments describe "$id" 2>&1) || {
  printf '%s\n' "$found"
  fail 1 "deployment $id cannot be read back"
}
case $found in
*" $DEPLOYMENT_URL "*) ;;
*)
  printf '%s\n' "$found"
  fail 1 "deployment $id has another URL than $DEPLOYMENT_URL"
  ;;
esac
revision=
case $found in
*restate-integration.dev/revision:*)
  revision=${found#*restate-integration.dev/revision:}
  revision=${revision#"${revision%%[![:space:]]*}"}
  revision=${revision%%[[:space:]]*}
  ;;
esac
[ -z "$REVISION" ] || [ "$REVISION" = "$revision" ] ||
  fail 2 "$DEPLOYMENT_URL is registered as revision '$revision', and Restate does not look at a known URL again: revision '$REVISION' needs a new path or Service name, or spec.services.$SERVICE.registration.force"
case $found in
*' is in deployment ID '*) printf 'registered %s as %s, but new calls go to a newer deployment: to go back to this one, set registration.force\n' "$SERVICE" "$id" ;;
*) printf 'registered %s as %s\n' "$SERVICE" "$id" ;;
esac
`
