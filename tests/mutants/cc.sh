#!/bin/sh
# CC for setup.py, which compiles every file again where one has changed. What was compiled before from
# the same preprocessed source, with the same options, comes from the folder OBJECTS.
# usage: cc.sh COMPILER ARGUMENTS...
set -eu
object='' previous=''
for argument; do
    [ "$previous" != -o ] || object=$argument
    previous=$argument
done
case " $* " in
    *" -c "*) ;;
    *) exec "$@" ;; # it links
esac
"$@" -E # into the object's place
key=$({ echo "$*" && cat "$object"; } | sha256sum)
kept=$OBJECTS/${key%% *}
if [ ! -f "$kept" ]; then
    "$@"
    cp "$object" "$kept.$$"
    mv "$kept.$$" "$kept"
fi
cp "$kept" "$object"
