// How jemalloc is to behave (jemalloc(3), "malloc_conf"): what a crowd of connections has left behind goes back to the
// system within seconds, also when nobody allocates any more.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";
}
