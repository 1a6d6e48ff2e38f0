// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/dataset.h"

#include "tuner/cli/command.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <utility>

namespace fettle::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostListBytes = std::size_t{64} << 20;

struct Row {
  std::string file;
  int label = 0;
};

// One line's columns; a column in quotation marks may hold commas, and two marks for one.
std::vector<std::string> columns_of(const std::string& line) {
  std::vector<std::string> columns(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '"') {
      if (quoted && i + 1 < line.size() && line[i + 1] == '"')
        columns.back() += line[++i];
      else
        quoted = !quoted;
    } else if (line[i] == ',' && !quoted) {
      columns.emplace_back();
    } else if (line[i] != '\r') {
      columns.back() += line[i];
    }
  }
  return columns;
}

std::optional<int> whole_number(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<std::vector<Row>> read_csv(const std::string& path) {
  Result<std::vector<std::byte>> bytes = read_file(path, kMostListBytes);
  if (!bytes) return std::move(bytes).error();
  std::vector<Row> rows;
  std::string line;
  int number = 0;
  const auto end_line = [&]() -> Status {
    ++number;
    const std::vector<std::string> columns = columns_of(std::exchange(line, {}));
    if (columns.size() == 1 && columns.front().empty()) return {};
    const std::optional<int> label = columns.size() > 1 ? whole_number(columns[1]) : std::nullopt;
    if (label) rows.push_back({columns.front(), *label});
    if (label || number == 1) return {};  // the first line may be a header
    return Error(ErrorCode::kFileMalformed,
                 fmt::format("{}:{}: no class number in the second column", path, number),
                 "write FILE,CLASS in each line, with classes from 0");
  };
  for (const std::byte byte : *bytes) {
    if (byte != std::byte{'\n'}) {
      line.push_back(static_cast<char>(byte));
    } else if (Status status = end_line(); !status) {
      return std::move(status).error();
    }
  }
  if (Status status = end_line(); !status) return std::move(status).error();
  if (rows.empty())
    return Error(ErrorCode::kFileMalformed, path + " names no file with a class",
                 "write FILE,CLASS in each line");
  return rows;
}

Result<std::vector<int>> read_npy_labels(const std::string& path) {
  const Result<io::Array> array = io::load_npy(path);
  if (!array) return array.error();
  std::vector<int> labels;
  const auto take = [&](auto values) {
    for (const auto value : values) labels.push_back(static_cast<int>(value));
  };
  switch (array->type) {
    case DataType::s64:
      take(array->values<std::int64_t>());
      break;
    case DataType::s32:
      take(array->values<std::int32_t>());
      break;
    case DataType::s16:
      take(array->values<std::int16_t>());
      break;
    case DataType::u8:
      take(array->values<std::uint8_t>());
      break;
    case DataType::s8:
      take(array->values<std::int8_t>());
      break;
    default:
      return Error(ErrorCode::kWrongType,
                   path + " holds " + std::string(to_string(array->type)) + ", no classes",
                   "write whole numbers of 8, 16, 32 or 64 bits");
  }
  return labels;
}

// All pictures and arrays below a folder, in the order of their paths.
Result<std::vector<std::string>> list_files(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path().string();
    if ((is_picture(path) || is_npy(path)) && at->is_regular_file(error)) files.push_back(path);
  }
  if (error)
    return Error(ErrorCode::kFileUnreadable, folder + ": " + error.message(),
                 "give a folder that can be read");
  std::sort(files.begin(), files.end());
  if (files.empty())
    return Error(ErrorCode::kFileNotFound, folder + " has no pictures and no .npy files",
                 "give the folder that they are in");
  return files;
}

std::vector<std::int64_t> without_ones(std::span<const std::int64_t> extents) {
  std::vector<std::int64_t> kept;
  for (const std::int64_t extent : extents) {
    if (extent != 1) kept.push_back(extent);
  }
  return kept;
}

// The bytes of an array of 8-bit numbers as a picture that fits the input's channels.
std::optional<io::Image> as_picture(std::span<const std::int64_t> extents, std::span<const std::byte> bytes,
                                    const Shape& input) {
  const std::optional<PictureShape> shape = picture_shape(input);
  if (!shape) return std::nullopt;
  while (extents.size() > 2 && extents.front() == 1) extents = extents.subspan(1);
  const bool grey = extents.size() == 2;
  const bool fits = (grey && shape->channels == 1) || (extents.size() == 3 && extents[2] == shape->channels);
  constexpr std::int64_t kMost = 65535;
  if (!fits || extents[0] < 1 || extents[1] < 1 || extents[0] > kMost || extents[1] > kMost)
    return std::nullopt;
  io::Image image;
  image.height = static_cast<int>(extents[0]);
  image.width = static_cast<int>(extents[1]);
  image.channels = shape->channels;
  image.pixels.resize(bytes.size());
  std::memcpy(image.pixels.data(), bytes.data(), bytes.size());
  return image;
}

// One sample's array into the input.
Status store_array(DataType type, std::span<const std::int64_t> extents, std::span<const std::byte> bytes,
                   const std::string& name, const PictureNumbers& numbers, const TensorView& to) {
  const bool is_bytes = type == DataType::u8 || type == DataType::s8;
  const bool same_shape = without_ones(extents) == without_ones(to.shape().dims());
  if (type == to.type() && same_shape) return to.copy_from(bytes);
  if (type == DataType::u8) {
    if (std::optional<io::Image> image = as_picture(extents, bytes, to.shape()))
      return store_picture(*std::move(image), name, numbers, to);
  }
  if (is_bytes && same_shape && to.type() == DataType::f32) {
    const std::span<float> reals = to.values<float>();
    const std::size_t channels = to.shape().rank() > 1 ? static_cast<std::size_t>(to.shape()[1]) : 1;
    const std::size_t inner =
        reals.size() / (channels * static_cast<std::size_t>(to.shape().rank() > 1 ? to.shape()[0] : 1));
    for (std::size_t i = 0; i < reals.size(); ++i) {
      const int number = type == DataType::u8 ? std::to_integer<int>(bytes[i])
                                              : static_cast<int>(static_cast<std::int8_t>(bytes[i]));
      reals[i] = numbers.real(static_cast<float>(number), i / inner % channels);
    }
    return {};
  }
  std::string text;
  for (const std::int64_t extent : extents) text += (text.empty() ? "" : "x") + std::to_string(extent);
  return Error(ErrorCode::kWrongShape,
               fmt::format("{} is {} {}, input {} is {} {}", name, to_string(type), text, to.info().name,
                           to_string(to.type()), to.shape().text()),
               "give arrays of the input's type and shape, or 8-bit pictures of height, width and channels");
}

}  // namespace

struct Dataset::Source {
  PictureNumbers numbers;
  TensorInfo input;
  std::vector<std::string> files;  // one per sample; empty where `stack` has all
  io::Array stack;                 // first axis: samples

  Status load(std::size_t sample, const TensorView& to) const {
    if (!files.empty()) {
      const std::string& path = files[sample];
      if (!is_npy(path)) {
        Result<io::Image> image = io::load_image(path, picture_shape(input.shape)->channels);
        return image ? store_picture(*std::move(image), path, numbers, to) : Status(std::move(image).error());
      }
      const Result<io::Array> array = io::load_npy(path);
      if (!array) return array.error();
      return store_array(array->type, array->shape, array->bytes, path, numbers, to);
    }
    const std::size_t bytes = stack.bytes.size() / static_cast<std::size_t>(stack.shape.front());
    return store_array(stack.type, std::span(stack.shape).subspan(1),
                       std::span(stack.bytes).subspan(sample * bytes, bytes),
                       "sample " + std::to_string(sample), numbers, to);
  }
};

void DataArguments::add_to(CLI::App& app, bool required) {
  app.add_option("--data", data,
                 "folder of pictures or .npy files, or one .npy file whose first axis counts samples")
      ->required(required)
      ->check(file_name());
  app.add_option("--labels", labels, "CSV with FILE,CLASS in each line, or .npy with a class for each sample")
      ->check(file_name());
  app.add_option("--class-offset", class_offset,
                 "added to labels: 1 where the network's class 0 is the background; without it 1 for 1,001 "
                 "outputs, else 0")
      ->check(CLI::Range(-1000000, 1000000));
  app.add_option("--samples", samples, "use at most so many, spread evenly over the data")
      ->check(CLI::Range(1, 100000000));
  pictures.add_to(app);
}

Result<Dataset> Dataset::open(const Model& model, const DataArguments& arguments) {
  if (model.inputs().size() != 1) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("--data feeds one input, the model has {}", model.inputs().size()),
                 "make the others constants with --bind");
  }
  auto source = std::make_shared<Source>();
  source->input = model.inputs().front();
  Result<PictureNumbers> numbers = PictureNumbers::parse(arguments.pictures);
  if (!numbers) return std::move(numbers).error();
  source->numbers = *std::move(numbers);
  std::vector<int> labels;
  std::error_code error;
  const bool csv = !arguments.labels.empty() && !is_npy(arguments.labels);
  if (csv) {
    const Result<std::vector<Row>> rows = read_csv(arguments.labels);
    if (!rows) return rows.error();
    for (const Row& row : *rows) {
      const std::string path = (fs::path(arguments.data) / row.file).string();
      if (!fs::exists(path, error))
        return Error(ErrorCode::kFileNotFound, path + " is not there, but " + arguments.labels + " names it",
                     "the first column of the labels is relative to the folder of the data");
      if (!is_picture(path) && !is_npy(path))
        return Error(ErrorCode::kInvalidArgument, path + " is neither a picture nor a .npy file",
                     "pictures end in .jpg, .png, .bmp, .gif, .ppm, .pgm or .tga");
      source->files.push_back(path);
      labels.push_back(row.label);
    }
  } else if (fs::is_directory(arguments.data, error)) {
    Result<std::vector<std::string>> files = list_files(arguments.data);
    if (!files) return std::move(files).error();
    source->files = *std::move(files);
  } else {
    Result<io::Array> stack = io::load_npy(arguments.data);
    if (!stack) return std::move(stack).error();
    source->stack = *std::move(stack);
    if (source->stack.shape.empty() || source->stack.shape.front() < 1)
      return Error(ErrorCode::kWrongShape, arguments.data + " has no axis of samples",
                   "give an array whose first axis counts samples");
  }
  const std::size_t count =
      source->files.empty() ? static_cast<std::size_t>(source->stack.shape.front()) : source->files.size();
  if (!arguments.labels.empty() && !csv) {
    Result<std::vector<int>> read = read_npy_labels(arguments.labels);
    if (!read) return std::move(read).error();
    labels = *std::move(read);
    if (labels.size() != count)
      return Error(
          ErrorCode::kWrongSize,
          fmt::format("{} has {} classes, there are {} samples", arguments.labels, labels.size(), count),
          "give a class for each sample");
  }
  if (std::ranges::any_of(source->files, is_picture)) {
    if (Status status = source->numbers.check(source->input); !status) return std::move(status).error();
  }
  const std::size_t most = arguments.samples > 0 ? static_cast<std::size_t>(arguments.samples) : count;
  const std::size_t used = std::min(most, count);
  Dataset data;
  const Shape& scores = model.outputs().front().shape;
  const int offset = arguments.class_offset.value_or(scores.elements() == 1001 ? 1 : 0);
  for (std::size_t i = 0; i < used; ++i) {
    data.selected_.push_back(i * count / used);
    if (labels.empty()) continue;
    const int label = labels[data.selected_.back()] + offset;
    if (label < 0 || label >= scores.elements())
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}: class {} of sample {} is none of the network's {}", arguments.labels,
                               label, data.selected_.back(), scores.elements()),
                   "labels count from 0; --class-offset is added to them");
    data.classes_.push_back(label);
  }
  data.source_ = std::move(source);
  return data;
}

std::size_t Dataset::size() const noexcept { return selected_.size(); }

Dataset Dataset::part(const std::vector<std::size_t>& indices) const {
  Dataset result;
  result.source_ = source_;
  for (const std::size_t index : indices) {
    result.selected_.push_back(selected_[index]);
    if (!classes_.empty()) result.classes_.push_back(classes_[index]);
  }
  return result;
}

std::pair<Dataset, Dataset> Dataset::split(std::size_t count) const {
  std::vector<std::size_t> first;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < size(); ++i) {
    // Of the samples up to this one, `count` of `size()` belong to the first part.
    const bool next = (i + 1) * count / size() > i * count / size();
    (next ? first : others).push_back(i);
  }
  return {part(first), part(others)};
}

Samples Dataset::samples() const {
  return {size(),
          [source = source_, selected = selected_](std::size_t index, std::span<const TensorView> inputs) {
            return source->load(selected[index], inputs.front());
          }};
}

}  // namespace fettle::cli
