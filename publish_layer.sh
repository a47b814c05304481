#!/usr/bin/env bash
# Publish the layers that build_layer.sh made, with the AWS CLI. See usage below.
set -euo pipefail
shopt -s inherit_errexit # otherwise a failed query in $(...) would count as an answer

usage() {
    cat <<EOF
usage: $0 [options]

Publishes DIR/layer-ARCH.zip as layer NAME-ARCH, and writes its ARN to the SSM parameters
/NAME/layer/ARCH/VERSION, where VERSION is bcrypt_batch's version, such as 1.2.3, and
/NAME/layer/ARCH/latest, which names the layer published last. If the newest version of the layer
has the same content, nothing is published, but permission and parameters are brought up to date.

With --canary each version is tried before it is shared: a function NAME-ARCH-canary-... is
made with the layer, asked for a known answer, and deleted. If the answer is wrong or missing,
permission and parameters stay unchanged.

  --arch ARCH        arm64, x86_64 or all; default: all that are in DIR
  --input DIR        where build_layer.sh wrote to; default: dist
  --name NAME        default: bcrypt-batch; another name, such as one for staging, has its own
                     parameters
  --canary ROLE_ARN  try each layer in a function that has this role
  --region REGION    may be given several times; default: the AWS CLI's
  --public           let every account use this version
  --organization ID  let the accounts of an organization (o-...) use this version
  --dry-run          query AWS, print what would be done, change nothing
  --help

Needs permission for lambda:ListLayerVersions, GetLayerVersion, PublishLayerVersion,
GetLayerVersionPolicy and AddLayerVersionPermission, and for ssm:PutParameter; --canary also for
CreateFunction, GetFunction, InvokeFunction and DeleteFunction of NAME-ARCH-canary-*, for
iam:PassRole of ROLE_ARN. The role needs no permissions, but Lambda must be able to assume it.
EOF
}

fail() {
    echo "publish_layer: $*" >&2
    exit 1
}

read_layer() { # read_layer KEY: from the JSON beside the zip; a list's entries with blanks between
    python3 -c 'import json, sys
file, key = sys.argv[1:]
try:
    value = json.load(open(file))[key] or 0 / 0
except (ArithmeticError, LookupError, TypeError, ValueError):
    sys.exit(f"publish_layer: {file} has no {key}; run ./build_layer.sh again")
print(*value if isinstance(value, list) else [value])' "$json" "$1"
}

# In hexadecimal, for people, and in base64, as Lambda returns it.
SHA256='import base64, hashlib, sys
digest = hashlib.sha256(open(sys.argv[1], "rb").read()).digest()
print(digest.hex(), base64.b64encode(digest).decode())'

call() { # call SERVICE ARGUMENTS...
    aws "$@" --region "$region" --output text
}

change() { # change SERVICE ARGUMENTS...: as call, but only prints the call in a dry run
    if [ -n "$dry_run" ]; then
        echo "$where: would run aws $*" >&2
    else
        call "$@"
    fi
}

# Prints the newest version's number; nothing if no version exists or its content differs.
published() { # published LAYER
    local newest content
    newest=$(call lambda list-layer-versions --layer-name "$1" --no-paginate \
        --query 'max_by(LayerVersions, &Version).Version')
    [ "$newest" != None ] || return 0
    content=$(call lambda get-layer-version --layer-name "$1" --version-number "$newest" \
        --query Content.CodeSha256)
    [ "$content" != "$sha256" ] || echo "$newest"
}

share() { # share LAYER VERSION
    local who=(--principal '*') statement=use-$share_with policy
    case $share_with in
        '') return ;;
        everyone) ;;
        *) who+=(--organization-id "$share_with") ;;
    esac
    # A version without a policy is an error; a policy may lack this statement.
    policy=$(call lambda get-layer-version-policy --layer-name "$1" --version-number "$2" \
        --query Policy 2>&1) || true
    [[ $policy == *"\"$statement\""* ]] ||
        change lambda add-layer-version-permission --layer-name "$1" --version-number "$2" \
            --statement-id "$statement" --action lambda:GetLayerVersion "${who[@]}" >/dev/null
    [ -n "$dry_run" ] || echo "$where: $share_with may use version $2"
}

# The function's code, and the expected answer: crypt_blowfish's own test vectors.
# shellcheck disable=SC2016 # it is Python, and its dollars are bcrypt's
CANARY='import sys, zipfile
code = """
import bcrypt_batch
def handler(event, context):
    made = bcrypt_batch.hashpw(b"U*U", b"$2a$05$CCCCCCCCCCCCCCCCCCCCC.")
    checked = bcrypt_batch.verify_many([b"U*U", b"U*V"] * 8, [made] * 16, workers=2)
    return [made.decode(), sum(map(bool, checked.values))]
"""
with zipfile.ZipFile(sys.argv[1], "w") as archive:
    archive.writestr("app.py", code)'
# shellcheck disable=SC2016
ANSWER='["$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",8]'

remove_canary() {
    local said
    if [ -n "$canary" ]; then
        said=$(call lambda delete-function --function-name "$canary" 2>&1) ||
            [[ $said == *ResourceNotFoundException* ]] ||
            echo "publish_layer: ${where-}: delete the function $canary: $said" >&2
    fi
    canary=
}

try_layer() { # try_layer ARCH LAYER ARN: ends the script unless the layer answers right
    local runtimes answer
    if [ -n "$dry_run" ]; then
        echo "$where: would try $3 in a function"
        return
    fi
    read -r -a runtimes <<<"$(read_layer runtimes)"
    python3 -c "$CANARY" "$work/canary.zip"
    canary=$2-canary-$(python3 -c 'import uuid; print(uuid.uuid4().hex[:8])')
    call lambda create-function --function-name "$canary" --runtime "${runtimes[0]}" \
        --handler app.handler --role "$role" --architectures "$1" --layers "$3" --timeout 30 \
        --memory-size 1770 --zip-file "fileb://$work/canary.zip" >/dev/null
    call lambda wait function-active-v2 --function-name "$canary"
    call lambda invoke --function-name "$canary" "$work/answer.json" >/dev/null
    remove_canary
    answer=$(tr -d " \n" <"$work/answer.json")
    [ "$answer" = "$ANSWER" ] ||
        fail "$where: the canary with $3 answered ${answer:0:400}; that version was not shared"
    echo "$where: the canary answered right on ${runtimes[0]}"
}

publish() { # publish ARCH, in $region
    local layer=$name-$1 where="$region $1" of license runtimes version arn parameter parameters
    of=$(read_layer version)
    license=$(read_layer license)
    runtimes=$(read_layer runtimes)
    version=$(published "$layer")
    parameters=("/$name/layer/$1/$of" "/$name/layer/$1/latest")
    if [ -n "$version" ]; then
        echo "$where: skipped, version $version has the same content"
    elif [ -n "$dry_run" ]; then
        echo "$where: would publish $zip as a new version of $layer${role:+, try it}," \
            "and name it in ${parameters[*]}"
        return
    else
        # shellcheck disable=SC2086 # the runtimes must be split
        version=$(call lambda publish-layer-version --layer-name "$layer" \
            --description "bcrypt_batch $of, SHA-256 $hex" \
            --zip-file "fileb://$zip" --license-info "$license" \
            --compatible-architectures "$1" --compatible-runtimes $runtimes \
            --query Version)
        echo "$where: published version $version"
    fi
    arn=$(call lambda get-layer-version --layer-name "$layer" --version-number "$version" \
        --query LayerVersionArn)
    [ -z "$role" ] || try_layer "$1" "$layer" "$arn"
    share "$layer" "$version"
    for parameter in "${parameters[@]}"; do
        change ssm put-parameter --name "$parameter" --type String --overwrite --value "$arn" \
            >/dev/null
    done
    [ -n "$dry_run" ] || echo "$where: $arn, in ${parameters[*]}"
}

arch='' input=dist name=bcrypt-batch regions=() public='' share_with='' dry_run='' role='' canary=''
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit ;;
        --public) public=yes; shift; continue ;;
        --dry-run) dry_run=yes; shift; continue ;;
        --arch | --input | --name | --region | --organization | --canary)
            [ -n "${2-}" ] || fail "$1 needs a value" ;;
        *) usage >&2; fail "unknown option $1" ;;
    esac
    case $1 in
        --arch) arch=$2 ;;
        --input) input=$2 ;;
        --name) name=$2 ;;
        --region)
            [[ $2 =~ ^[a-z]+(-[a-z]+)+-[0-9]+$ ]] ||
                fail "--region takes one such as eu-central-1, not '$2'; give it again for others"
            regions+=("$2")
            ;;
        --organization) share_with=$2 ;;
        --canary) role=$2 ;;
    esac
    shift 2
done

case $arch in
    '' | all) wanted=(arm64 x86_64) ;;
    arm64 | x86_64) wanted=("$arch") ;;
    *) fail "--arch must be arm64, x86_64 or all, not '$arch'" ;;
esac
architectures=()
for each in "${wanted[@]}"; do
    if [ -f "$input/layer-$each.zip" ] && [ -f "$input/layer-$each.json" ]; then
        architectures+=("$each")
    elif [ -n "$arch" ]; then
        fail "there is no $input/layer-$each.zip with its .json; run ./build_layer.sh --arch $each"
    fi
done
[ ${#architectures[@]} -gt 0 ] || fail "there is no layer in $input; run ./build_layer.sh"
[[ $share_with =~ ^(|o-[a-z0-9]{10,32})$ ]] ||
    fail "--organization takes an ID such as o-abcde12345, not '$share_with'"
[ -z "$public" ] || [ -z "$share_with" ] || fail "--public and --organization exclude each other"
share_with=${public:+everyone}$share_with
[[ $name =~ ^[a-zA-Z0-9_-]{1,40}$ ]] ||
    fail "--name takes up to 40 letters, digits, hyphens and underscores, not '$name'"
[[ $role =~ ^(|arn:[a-z-]+:iam::[0-9]{12}:role/.+)$ ]] ||
    fail "--canary takes a role such as arn:aws:iam::123456789012:role/canary, not '$role'"
command -v aws >/dev/null || fail "the AWS CLI is not on PATH"
export AWS_PAGER=""
work=$(mktemp -d)
trap 'remove_canary; rm -rf "$work"' EXIT
if [ ${#regions[@]} -eq 0 ]; then
    region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region || true)}}
    [ -n "$region" ] || fail "no region is configured; give --region"
    regions=("$region")
fi

for region in "${regions[@]}"; do
    for each in "${architectures[@]}"; do
        zip=$input/layer-$each.zip json=$input/layer-$each.json
        read -r hex sha256 < <(python3 -c "$SHA256" "$zip")
        [ "$hex" = "$(read_layer sha256)" ] ||
            fail "$json does not describe $zip; run ./build_layer.sh --arch $each again"
        publish "$each"
    done
done
