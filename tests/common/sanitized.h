// SPDX-License-Identifier: Apache-2.0
//
// FETTLE_SANITIZED: 1 under AddressSanitizer or ThreadSanitizer, whose allocators tests must not replace.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FETTLE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FETTLE_SANITIZED 1
#endif
#endif
#ifndef FETTLE_SANITIZED
#define FETTLE_SANITIZED 0
#endif
