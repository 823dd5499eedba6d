/* codec.c - what all protocols' codecs share. */
#include "loadgen/codec.h"

void codec_free(struct codec *codec)
{
    memory_free(codec->held);
    memset(codec, 0, sizeof *codec);
}
