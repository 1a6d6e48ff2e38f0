// SPDX-License-Identifier: Apache-2.0
#include <fettle/error.h>

namespace fettle {

std::string_view error_name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kWrongSize:
      return "wrong_size";
    case ErrorCode::kWrongShape:
      return "wrong_shape";
    case ErrorCode::kWrongType:
      return "wrong_type";
    case ErrorCode::kUnknownName:
      return "unknown_name";
    case ErrorCode::kFileNotFound:
      return "file_not_found";
    case ErrorCode::kFileUnreadable:
      return "file_unreadable";
    case ErrorCode::kFileUnwritable:
      return "file_unwritable";
    case ErrorCode::kFileMalformed:
      return "file_malformed";
    case ErrorCode::kModelMalformed:
      return "model_malformed";
    case ErrorCode::kModelInvalid:
      return "model_invalid";
    case ErrorCode::kModelUnsupported:
      return "model_unsupported";
    case ErrorCode::kPlanMalformed:
      return "plan_malformed";
    case ErrorCode::kPlanOtherModel:
      return "plan_other_model";
    case ErrorCode::kOutOfMemory:
      return "out_of_memory";
    case ErrorCode::kLimitExceeded:
      return "limit_exceeded";
    case ErrorCode::kIsaMissing:
      return "isa_missing";
    case ErrorCode::kKernelFailed:
      return "kernel_failed";
    case ErrorCode::kNotCompiledIn:
      return "not_compiled_in";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown";
}

std::string Error::text() const {
  std::string text(error_name(code_));
  text.append(": ").append(message_);
  if (!hint_.empty()) text.append("\n  hint: ").append(hint_);
  return text;
}

}  // namespace fettle
