/* fuzz_loadgen_mqtt.c - the generator's MQTT codec: see codec_cuts.h. */
#include "loadgen/codec_mqtt.h"
#include "tests/fuzz/codec_cuts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cuts_check(&codec_mqtt, data, size);
    return 0;
}
