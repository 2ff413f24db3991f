"""The comparison of linnet with other engines; tests/bench/compare.sh runs it."""
