// SPDX-License-Identifier: Apache-2.0
//
// Errors and results. Nothing in the library prints, aborts, exits or throws across its API: what can fail
// returns a Result, and an Error names the thing that is wrong and says what to do about it.
#pragma once

#include <fettle/export.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace fettle {

/// What kind of thing went wrong. The hundreds are the group and are stable; a program may switch on either.
enum class ErrorCode : int {
  // 1xx: what the caller asked for
  kInvalidArgument = 100,  ///< an option or argument is out of range (zero threads, a negative size)
  kWrongSize = 101,        ///< a buffer does not have the number of bytes that the tensor needs
  kWrongShape = 102,       ///< a shape does not fit the model
  kWrongType = 103,        ///< a data type does not fit the tensor
  kUnknownName = 104,      ///< no input, output, layer or kernel of that name
  // 2xx: files
  kFileNotFound = 200,
  kFileUnreadable = 201,
  kFileUnwritable = 202,
  kFileMalformed = 203,  ///< an image, npy, npz or record file that does not parse
  // 3xx: models
  kModelMalformed = 300,  ///< not ONNX, truncated, or violating the format
  kModelInvalid = 301,    ///< parses, but its graph is wrong: shapes that do not fit, cycles, missing values
  kModelUnsupported = 302,  ///< valid, but holds nodes that Fettle cannot run; the message lists all of them
  // 4xx: plans
  kPlanMalformed = 400,   ///< not a plan, or damaged
  kPlanOtherModel = 401,  ///< a plan that was made for another graph
  // 5xx: resources
  kOutOfMemory = 500,
  kLimitExceeded = 501,  ///< a file asks for more than the limits in the options allow
  // 6xx: the device
  kIsaMissing = 600,     ///< a kernel was demanded that this CPU cannot execute
  kKernelFailed = 601,   ///< a kernel refused what its `supports` had accepted
  kNotCompiledIn = 602,  ///< this build leaves out what was asked for (ONNX import, XNNPACK)
  // 9xx: the library's own mistakes
  kInternal = 900,
};

/// The stable, short name of a code, such as "model_unsupported". Never empty.
FETTLE_API std::string_view error_name(ErrorCode code) noexcept;

/// One error: a code to switch on, a sentence that names the file, node or option, and a hint that says what
/// to do.
class Error {
 public:
  Error(ErrorCode code, std::string message, std::string hint = {})
      : code_(code), message_(std::move(message)), hint_(std::move(hint)) {}

  ErrorCode code() const noexcept { return code_; }
  /// What is wrong and where; may have several lines when a model has several problems.
  const std::string& message() const noexcept { return message_; }
  /// What to do about it; may be empty.
  const std::string& hint() const noexcept { return hint_; }
  /// "model_unsupported: message\n  hint: ..." for a log or a terminal.
  FETTLE_API std::string text() const;

 private:
  ErrorCode code_;
  std::string message_;
  std::string hint_;
};

/// A value or an Error. Test it before use: reading the value of a failed result is undefined.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const noexcept { return state_.index() == 0; }
  T& value() & noexcept { return *std::get_if<0>(&state_); }
  const T& value() const& noexcept { return *std::get_if<0>(&state_); }
  T&& value() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  T& operator*() & noexcept { return value(); }
  const T& operator*() const& noexcept { return value(); }
  T&& operator*() && noexcept { return std::move(*this).value(); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return std::get_if<0>(&state_); }
  const Error& error() const& noexcept { return *std::get_if<1>(&state_); }
  Error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

 private:
  std::variant<T, Error> state_;
};

/// Success or an Error. Success costs no allocation, so `run()` may return it.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const noexcept { return !error_.has_value(); }
  const Error& error() const& noexcept { return *error_; }
  Error&& error() && noexcept { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace fettle
