#!/bin/bash
# no_heap.sh FILE...: fails where a firmware image or library defines or wants the heap, stdio, exceptions, run-time type
# information, guards of static variables or system calls.
set -euo pipefail
forbidden='_?(malloc|calloc|realloc|memalign|aligned_alloc|posix_memalign|free)(_r)?'
forbidden+='|_?(sbrk|write|read|open|close|exit|kill)(_r)?'
forbidden+='|_?v?(f|s|sn|as|i|fi|si|sni)?printf(_r|_float)?|puts|fwrite'
forbidden+='|__cxa_(throw|allocate_exception|begin_catch|guard_acquire|atexit|pure_virtual)|__gxx_personality_v0|_Unwind_Resume'
forbidden+='|_Z(nw|na|dl|da).*|_ZTI.*|_ZSt.*(terminate|throw).*'
failed=0
for file in "$@"; do
  symbols=$(arm-none-eabi-nm "$file")
  if found=$(awk '{print $NF}' <<<"$symbols" | sort -u | grep -xE "$forbidden"); then
    echo "$file: not allowed in firmware:" $found
    failed=1
  fi
  echo "$file: $(wc -l <<<"$symbols") symbols checked"
done
exit $failed
