/* fuzz_loadgen_nats.c - the generator's NATS codec: see codec_cuts.h. */
#include "loadgen/codec_nats.h"
#include "tests/fuzz/codec_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cuts_check(&codec_nats, data, size);
    return 0;
}
