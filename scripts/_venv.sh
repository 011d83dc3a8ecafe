# Sourced by the other scripts: the clone's own virtual environment, with what an extra of
# maskdet needs in it.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv

say() {
    printf '== %s\n' "$*"
}

die() {
    printf '%s: error: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# find_python NEWEST: prints a Python from 3.11 up to 3.NEWEST, $PYTHON first.
find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3 python3.13 python3.12 python3.11 python3.14; do
        if "$candidate" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $1))" \
            2>/dev/null; then
            printf '%s\n' "$candidate"
            return
        fi
        [[ $candidate != "${PYTHON:-}" ]] || die "PYTHON=$PYTHON is no Python from 3.11 to 3.$1"
    done
    die "no Python from 3.11 to 3.$1 found: install one, or name it in the variable PYTHON"
}

# ensure_venv EXTRA NEWEST NOTE: makes .venv or uses the one that is there, and installs
# maskdet[EXTRA] into it unless that has been done for the present pyproject.toml and
# constraints.txt. NOTE says what a first installation costs.
ensure_venv() {
    local extra=$1 newest=$2 note=$3 python wanted stamp
    if ! "$venv/bin/python" -c "import pip" 2>/dev/null; then
        python=$(find_python "$newest")
        say "making a virtual environment in .venv ($("$python" --version))"
        # Debian's Python comes without ensurepip; then the pip outside serves.
        "$python" -m venv "$venv" 2>/dev/null || {
            "$python" -m venv --without-pip "$venv"
            "$python" -m pip --python "$venv/bin/python" install --quiet pip
        }
    fi
    "$venv/bin/python" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $newest))" ||
        die "$("$venv/bin/python" --version) in .venv does not fit: remove .venv and run this again"
    wanted=$({ printf '%s\n' "$root" && cat "$root/pyproject.toml" "$root/constraints.txt"; } | cksum)
    # After a 'pip install .' by hand, .venv has a copy of maskdet, not the clone.
    for stamp in "$venv/.installed-$extra" "$venv/.installed-dev"; do # dev has everything
        if [[ -f $stamp && $(<"$stamp") == "$wanted" ]] &&
            ! compgen -G "$venv/lib/python*/site-packages/maskdet" >/dev/null; then
            say "using .venv, which has all that is needed"
            return
        fi
    done
    say "installing maskdet[$extra] into .venv ($note)"
    rm -f "$venv"/.installed-*
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$root/constraints.txt" --editable "$root[$extra]"
    printf '%s\n' "$wanted" >"$venv/.installed-$extra"
}

# system_packages REASON PACKAGE...: installs Debian packages where that is possible without
# asking (root, apt-get), else says what is missing and fails.
system_packages() {
    local reason=$1
    shift
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        say "$reason: apt-get install $*"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
    else
        printf '%s: on Debian and Ubuntu: apt-get install %s\n' "$reason" "$*" >&2
        return 1
    fi
}

# OpenCV's wheel brings all its libraries but these two.
ensure_opencv() {
    local complaint
    complaint=$("$venv/bin/python" -c "import cv2" 2>&1) ||
        system_packages "OpenCV cannot be loaded (${complaint##*$'\n'})" libgl1 libglib2.0-0
}
