/* SPDX-License-Identifier: MIT */
/* What every target is: one function. It returns 0, and ends the process where its oracle is not content. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
