# Sourced by scripts that run many steps: says what runs and how long each step took.

steps=()

# step NAME COMMAND…: runs COMMAND; under `set -e` its failure ends the script.
step() {
    local name=$1 began=$SECONDS
    shift
    printf '\n==> %s\n' "$name"
    "$@"
    steps+=("$(printf '%5d s  %s' $((SECONDS - began)) "$name")")
    printf '<== %s: %d s\n' "$name" $((SECONDS - began))
}

# Prints the table of all steps so far.
steps_done() {
    printf '\n'
    printf '%s\n' "${steps[@]}"
    printf '%5d s  in all\n' "$SECONDS"
}
