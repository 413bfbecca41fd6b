/* SPDX-License-Identifier: MIT */
#ifndef PARSER_FUZZ_H
#define PARSER_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
