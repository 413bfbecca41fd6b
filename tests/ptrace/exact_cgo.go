// SPDX-License-Identifier: MIT

// With it exact.go needs the C library, which a loader loads.
package main

import "C"
