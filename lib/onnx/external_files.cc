// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/external_files.h"

#include "lib/base/memory.h"

#include <charconv>
#include <climits>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

namespace fettle::onnx_import {
namespace {

// Where a tensor says that its contents are.
struct Place {
  std::string location;
  std::size_t offset = 0;
  std::optional<std::size_t> length;
};

Error invalid(const std::string& what, const std::string& problem) {
  return {ErrorCode::kModelInvalid, what + ": " + problem,
          "export the model again, with its weights beside it"};
}

bool read_number(const std::string& text, std::size_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Result<Place> read_place(const onnx::TensorProto& tensor, const std::string& what) {
  Place place;
  for (const onnx::StringStringEntryProto& entry : tensor.external_data()) {
    std::size_t number = 0;
    if (entry.key() == "location") {
      place.location = entry.value();
    } else if (entry.key() == "offset" || entry.key() == "length") {
      if (!read_number(entry.value(), number))
        return invalid(what, entry.key() + " \"" + entry.value() + "\" is not a number of bytes");
      if (entry.key() == "offset")
        place.offset = number;
      else
        place.length = number;
    }
  }
  return place;
}

// Whether a path leads downwards only, by its text.
bool leads_down(std::string_view path) {
  if (path.empty() || path.front() == '/' || path.size() >= PATH_MAX || path.find('\0') != path.npos)
    return false;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (path.substr(0, slash) == "..") return false;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return true;
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> ExternalFiles::open(const std::string& location,
                                                              const std::string& what) {
  if (const auto known = files_.find(location); known != files_.end()) return known->second;
  if (!leads_down(location))
    return invalid(what, "its file \"" + location + "\" is not below the folder of the model");
  Result<std::shared_ptr<const MappedFile>> file = MappedFile::open_below(folder_, location, left_);
  if (!file) return Error(file.error().code(), what + ": " + file.error().message(), file.error().hint());
  left_ -= (*file)->bytes().size();
  files_.emplace(location, *file);
  return file;
}

Result<std::shared_ptr<const Constant>> ExternalFiles::contents(const onnx::TensorProto& tensor,
                                                                const std::string& what, std::size_t bytes,
                                                                std::size_t element) {
  if (folder_.empty()) {
    return Error(ErrorCode::kModelUnsupported,
                 what + " is stored in another file, the model comes from memory",
                 "load the model from its file, or save it with its weights inside");
  }
  Result<Place> place = read_place(tensor, what);
  if (!place) return std::move(place).error();
  if (place->length && *place->length != bytes) {
    return invalid(what, "its length is " + std::to_string(*place->length) + " bytes, its shape needs " +
                             std::to_string(bytes));
  }
  Result<std::shared_ptr<const MappedFile>> file = open(place->location, what);
  if (!file) return std::move(file).error();
  const std::span<const std::byte> whole = (*file)->bytes();
  if (place->offset > whole.size() || whole.size() - place->offset < bytes) {
    return invalid(what, "its file " + place->location + " has " + std::to_string(whole.size()) +
                             " bytes, fewer than " + std::to_string(bytes) + " from " +
                             std::to_string(place->offset) + " on");
  }
  auto constant = std::make_shared<Constant>();
  constant->bytes = whole.subspan(place->offset, bytes);
  constant->owner = *std::move(file);
  if (reinterpret_cast<std::uintptr_t>(constant->bytes.data()) % element == 0)
    return std::shared_ptr<const Constant>(std::move(constant));
  Result<AlignedBuffer> buffer = AlignedBuffer::allocate(bytes);
  if (!buffer) return std::move(buffer).error();
  auto memory = std::make_shared<AlignedBuffer>(*std::move(buffer));
  if (bytes > 0) std::memcpy(memory->bytes().data(), constant->bytes.data(), bytes);
  constant->bytes = memory->bytes();
  constant->owner = std::move(memory);
  return std::shared_ptr<const Constant>(std::move(constant));
}

}  // namespace fettle::onnx_import
