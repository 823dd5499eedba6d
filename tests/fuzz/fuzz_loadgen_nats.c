/* fuzz_loadgen_nats.c - the generator's NATS codec: see codec_cuts.h; and its guesses. */
#include "loadgen/codec_nats.h"
#include "tests/fuzz/codec_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cuts_check(&codec_nats, data, size);
    for (size_t at = 0; at < size; at++) {
        struct bytes payload;
        size_t bytes;
        if (codec_nats.glance(bytes_of(data + at, size - at), &payload, &bytes)) {
            ASSERT(payload.ptr <= data + size);
            ASSERT(bytes == (size_t)(payload.ptr - (data + at)) + payload.size + 2);
        }
    }
    return 0;
}
