// SPDX-License-Identifier: Apache-2.0
//
// Stands in for Catch2 where fuzz targets share code with the tests: a failed check ends the process, with
// what INFO said around it, and no text is made before.
#pragma once

#include "tests/fuzz/target.h"

#include <iostream>
#include <ostream>

namespace fettle::fuzz {

/// One INFO: how to write it, for as long as its scope lasts.
class Note {
 public:
  template <typename Write>
  explicit Note(const Write& write)
      : write_([](const void* held, std::ostream& out) { (*static_cast<const Write*>(held))(out); }),
        held_(&write),
        outer_(innermost()) {
    innermost() = this;
  }
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;
  ~Note() { innermost() = outer_; }

  static void print_all(std::ostream& out) {
    for (const Note* note = innermost(); note != nullptr; note = note->outer_) {
      note->write_(note->held_, out);
      out << '\n';
    }
  }

 private:
  static const Note*& innermost() {
    thread_local const Note* note = nullptr;
    return note;
  }
  void (*write_)(const void*, std::ostream&);
  const void* held_;
  const Note* outer_;
};

[[noreturn]] inline void failed_check(const char* text, const char* file, int line) {
  Note::print_all(std::cerr);
  std::cerr << file << ':' << line << ": " << std::flush;
  fail(text);
}

}  // namespace fettle::fuzz

#define FETTLE_FUZZ_JOIN_(a, b) a##b
#define FETTLE_FUZZ_JOIN(a, b) FETTLE_FUZZ_JOIN_(a, b)
#define FETTLE_FUZZ_CHECK(expected, text, ...)                \
  do {                                                        \
    if (static_cast<bool>(__VA_ARGS__) != (expected))         \
      ::fettle::fuzz::failed_check(text, __FILE__, __LINE__); \
  } while (false)

#define INFO(...)                                                                   \
  const auto FETTLE_FUZZ_JOIN(note_text_, __LINE__) = [&](std::ostream& note_out) { \
    note_out << __VA_ARGS__;                                                        \
  };                                                                                \
  const ::fettle::fuzz::Note FETTLE_FUZZ_JOIN(note_, __LINE__)(FETTLE_FUZZ_JOIN(note_text_, __LINE__))
#define UNSCOPED_INFO(...)               \
  do {                                   \
    if (false) std::cerr << __VA_ARGS__; \
  } while (false)
#define CHECK(...) FETTLE_FUZZ_CHECK(true, #__VA_ARGS__, __VA_ARGS__)
#define REQUIRE(...) FETTLE_FUZZ_CHECK(true, #__VA_ARGS__, __VA_ARGS__)
#define CHECK_FALSE(...) FETTLE_FUZZ_CHECK(false, #__VA_ARGS__, __VA_ARGS__)
#define REQUIRE_FALSE(...) FETTLE_FUZZ_CHECK(false, #__VA_ARGS__, __VA_ARGS__)
