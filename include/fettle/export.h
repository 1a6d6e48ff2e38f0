// SPDX-License-Identifier: Apache-2.0
//
// Marks what a shared libfettle exports; everything else is hidden. Also read by C.
#pragma once

#define FETTLE_API __attribute__((visibility("default")))
