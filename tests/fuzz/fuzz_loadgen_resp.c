/* fuzz_loadgen_resp.c - the generator's Redis codec: see codec_cuts.h. */
#include "loadgen/codec_resp.h"
#include "tests/fuzz/codec_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cuts_check(&codec_resp, data, size);
    return 0;
}
