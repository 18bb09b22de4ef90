# Sourced: ends with a clear message when there is no Node 18 or newer. A missing Node fails a test, it never skips one.
for tool in node npm; do
  command -v "$tool" >/dev/null || {
    echo "$tool is missing, so this test cannot run: ./dev deps test" >&2
    exit 1
  }
done
if (($(node -p 'process.versions.node.split(".")[0]') < 18)); then
  echo "Node 18 or newer is needed, this is $(node --version): ./dev deps test" >&2
  exit 1
fi
