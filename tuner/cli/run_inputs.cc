// SPDX-License-Identifier: Apache-2.0
#include "tuner/cli/run_inputs.h"

#include "tuner/io/image.h"
#include "tuner/io/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>
#include <utility>

namespace fettle::cli {
namespace {

constexpr std::int64_t kMostPixels = 65535;  // along an axis of a picture

bool ends_with_any(const std::string& path, std::initializer_list<const char*> endings) {
  std::string lower = path;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::any_of(endings.begin(), endings.end(),
                     [&](const char* ending) { return lower.ends_with(ending); });
}

bool is_picture(const std::string& path) {
  return ends_with_any(path, {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm", ".pgm", ".tga"});
}

// Where an input that takes pictures has which axis.
struct PictureShape {
  int channels = 0;
  int height = 0;
  int width = 0;
  bool planes = true;  // channels before rows
};

// Planes where both readings are possible, as ONNX has pictures.
std::optional<PictureShape> picture_shape(const Shape& shape) {
  if (shape.rank() != 4 || shape[0] != 1) return std::nullopt;
  const auto read = [&](int channels, int height, int width, bool planes) -> std::optional<PictureShape> {
    const bool fits = (shape[channels] == 1 || shape[channels] == 3) && shape[height] <= kMostPixels &&
                      shape[width] <= kMostPixels;
    if (!fits) return std::nullopt;
    return PictureShape{static_cast<int>(shape[channels]), static_cast<int>(shape[height]),
                        static_cast<int>(shape[width]), planes};
  };
  const auto planes = read(1, 2, 3, true);
  return planes ? planes : read(3, 1, 2, false);
}

// Pictures whose pixels the program itself converts: f32 in planes. Others are converted here.
bool program_converts(const TensorInfo& input) {
  const auto shape = picture_shape(input.shape);
  return input.type == DataType::f32 && shape && shape->planes;
}

Result<io::Image> load_fitting(const std::string& path, const PictureShape& shape,
                               const std::string& resize) {
  Result<io::Image> image = io::load_image(path, shape.channels);
  if (!image || (image->width == shape.width && image->height == shape.height)) return image;
  if (resize == "none") {
    return Error(ErrorCode::kWrongShape,
                 fmt::format("{} is {}x{}, the network takes {}x{}", path, image->width, image->height,
                             shape.width, shape.height),
                 "use --resize stretch or --resize crop");
  }
  image = io::resize_image(resize == "crop" ? io::crop_image(*image, shape.width, shape.height) : *image,
                           shape.width, shape.height);
  if (!image) return Error(image.error().code(), path + ": " + image.error().message(), image.error().hint());
  return image;
}

// Calls store(index in the input, channel of the network, byte) for each pixel's bytes.
template <typename Store>
void for_each_byte(const io::Image& image, const PictureShape& shape, bool swapped, Store&& store) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  const std::size_t pixels = image.pixels.size() / channels;
  for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
    for (std::size_t c = 0; c < channels; ++c) {
      const std::size_t from = swapped && channels == 3 ? 2 - c : c;
      store(shape.planes ? c * pixels + pixel : pixel * channels + c, c,
            image.pixels[pixel * channels + from]);
    }
  }
}

// Of the input's type and exactly its shape: as many elements in another shape are most likely in another
// order.
Status check_array(const TensorView& input, const io::Array& array, const std::string& path) {
  const std::string& name = input.info().name;
  if (array.type != input.type()) {
    return Error(ErrorCode::kWrongType,
                 path + " holds " + std::string(to_string(array.type)) + ", input " + name + " is " +
                     std::string(to_string(input.type())),
                 "convert the array with astype");
  }
  if (!array.has_shape(input.shape())) {
    return Error(ErrorCode::kWrongShape,
                 path + " is " + array.shape_text() + ", input " + name + " is " + input.shape().text(),
                 "reshape or transpose the array, or give the model another shape with --shape");
  }
  return {};
}

Status load_array(const TensorView& input, const std::string& path) {
  std::vector<std::byte> bytes;
  if (ends_with_any(path, {".npy"})) {
    Result<io::Array> array = io::load_npy(path);
    if (!array) return std::move(array).error();
    if (Status status = check_array(input, *array, path); !status) return status;
    bytes = std::move(array->bytes);
  } else {
    Result<std::vector<std::byte>> raw = read_file(path, io::kMaxArrayBytes);
    if (!raw) return std::move(raw).error();
    bytes = *std::move(raw);
  }
  if (Status status = input.copy_from(std::span<const std::byte>(bytes)); !status)
    return Error(status.error().code(), path + ": " + status.error().message(), status.error().hint());
  return {};
}

std::string names_of(std::span<const TensorInfo> tensors) {
  std::string names;
  for (const TensorInfo& tensor : tensors) names += (names.empty() ? "" : ", ") + tensor.name;
  return names;
}

std::optional<std::size_t> find(std::span<const TensorInfo> tensors, std::string_view name) {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const TensorInfo& tensor) { return tensor.name == name; });
  if (found == tensors.end()) return std::nullopt;
  return static_cast<std::size_t>(found - tensors.begin());
}

// The input that "NAME=FILE" is for: names may hold an equals sign, and so may files.
std::optional<std::size_t> named_input(std::span<const TensorInfo> inputs, const std::string& text) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool fits = text.starts_with(inputs[i].name + "=");
    if (fits && (!best || inputs[i].name.size() > inputs[*best].name.size())) best = i;
  }
  return best;
}

}  // namespace

Result<std::vector<Carry>> parse_carries(const Model& model, const std::vector<std::string>& texts) {
  std::vector<Carry> carries;
  for (const std::string& text : texts) {
    std::optional<std::size_t> output;
    std::optional<std::size_t> input;
    for (std::size_t at = text.find('='); at != std::string::npos && !(output && input);
         at = text.find('=', at + 1)) {
      output = find(model.outputs(), std::string_view(text).substr(0, at));
      input = find(model.inputs(), std::string_view(text).substr(at + 1));
    }
    if (!output || !input) {
      return Error(ErrorCode::kUnknownName, "--carry " + text + ": no output and input have these names",
                   "write OUTPUT=INPUT; outputs: " + names_of(model.outputs()) +
                       "; inputs: " + names_of(model.inputs()));
    }
    const TensorInfo& from = model.outputs()[*output];
    const TensorInfo& to = model.inputs()[*input];
    if (from.type != to.type || from.shape != to.shape) {
      return Error(
          ErrorCode::kWrongShape,
          fmt::format("--carry {}: output {} is {} {}, input {} is {} {}", text, from.name,
                      to_string(from.type), from.shape.text(), to.name, to_string(to.type), to.shape.text()),
          "carry an output to an input of the same type and shape");
    }
    for (const Carry& other : carries) {
      if (other.input == *input)
        return Error(ErrorCode::kInvalidArgument, "two outputs are carried to input " + to.name,
                     "give --carry once for each input");
    }
    carries.push_back({*output, *input});
  }
  return carries;
}

Result<RunInputs> RunInputs::parse(const Model& model, const std::vector<std::string>& files,
                                   const std::vector<Carry>& carries, const PictureArguments& pictures) {
  RunInputs result;
  result.pictures_ = pictures;
  const std::span<const TensorInfo> inputs = model.inputs();
  for (const TensorInfo& input : inputs) result.feeds_.push_back({input, {}});
  for (const Carry& carry : carries) result.feeds_[carry.input].carried = true;
  const auto uncarried = [](const Feed& feed) { return !feed.carried; };
  const auto count = std::count_if(result.feeds_.begin(), result.feeds_.end(), uncarried);
  if (inputs.empty() && !files.empty())
    return Error(ErrorCode::kInvalidArgument, "--input " + files.front() + ": the model has no inputs",
                 "run it without --input");
  for (const std::string& text : files) {
    if (const auto input = named_input(inputs, text)) {
      result.feeds_[*input].files.push_back(text.substr(inputs[*input].name.size() + 1));
    } else if (count == 1) {
      std::find_if(result.feeds_.begin(), result.feeds_.end(), uncarried)->files.push_back(text);
    } else {
      return Error(ErrorCode::kInvalidArgument, "--input " + text + ": which input is it for?",
                   "write NAME=FILE; the model's inputs are " + names_of(inputs));
    }
  }
  std::string missing;
  for (Feed& feed : result.feeds_) {
    if (feed.files.empty()) {
      if (!feed.carried) missing += (missing.empty() ? "" : ", ") + feed.input.name;
      continue;
    }
    const auto pictures_given = std::count_if(feed.files.begin(), feed.files.end(), is_picture);
    feed.pictures = pictures_given > 0;
    if (feed.pictures && pictures_given != static_cast<std::ptrdiff_t>(feed.files.size()))
      return Error(ErrorCode::kInvalidArgument, "input " + feed.input.name + " gets pictures and arrays",
                   "run them one kind at a time");
    const TensorInfo& info = feed.input;
    if (feed.pictures &&
        (!picture_shape(info.shape) || (info.type != DataType::f32 && info.type != DataType::u8))) {
      return Error(ErrorCode::kWrongShape,
                   fmt::format("input {} is {} {}: a picture fits f32 or u8 of 1x1xHxW, 1x3xHxW, 1xHxWx1 and "
                               "1xHxWx3 only",
                               info.name, to_string(info.type), info.shape.text()),
                   "give a .npy file");
    }
    if (feed.pictures && info.type == DataType::u8 && !(pictures.mean.empty() && pictures.std.empty())) {
      return Error(ErrorCode::kInvalidArgument,
                   "input " + info.name + " takes bytes: --mean and --std are for real numbers",
                   "leave them out");
    }
  }
  if (!missing.empty()) {
    return Error(
        ErrorCode::kInvalidArgument, "no file is given for input " + missing,
        inputs.size() == 1 ? "give --input FILE" : "give --input NAME=FILE for each, or --carry OUTPUT=NAME");
  }
  Result<std::vector<float>> mean = parse_floats(pictures.mean, "--mean");
  if (!mean) return std::move(mean).error();
  Result<std::vector<float>> std = parse_floats(pictures.std, "--std");
  if (!std) return std::move(std).error();
  result.mean_ = *std::move(mean);
  result.std_ = *std::move(std);
  for (const Feed& feed : result.feeds_) {
    if (!feed.pictures) continue;
    const auto channels = static_cast<std::size_t>(picture_shape(feed.input.shape)->channels);
    for (const std::vector<float>* list : {&result.mean_, &result.std_}) {
      if (list->size() > 1 && list->size() != channels)
        return Error(
            ErrorCode::kInvalidArgument,
            fmt::format("--{} has {} values, input {} has {} channels",
                        list == &result.mean_ ? "mean" : "std", list->size(), feed.input.name, channels),
            "give one value, or one value per channel");
    }
    if (std::count(result.std_.begin(), result.std_.end(), 0.0f) > 0)
      return Error(ErrorCode::kInvalidArgument, "--std has a 0", "give what pixels are to be divided by");
  }
  return result;
}

std::size_t RunInputs::files_of_an_input() const noexcept {
  std::size_t most = 1;
  for (const Feed& feed : feeds_) most = std::max(most, feed.carried ? std::size_t{1} : feed.files.size());
  return most;
}

Status RunInputs::check_steps(std::size_t steps) const {
  for (const Feed& feed : feeds_) {
    const std::size_t count = feed.files.size();
    if (feed.carried ? count > 1 : count != 1 && count != steps) {
      return Error(
          ErrorCode::kInvalidArgument,
          feed.carried
              ? fmt::format("input {} is carried: it starts with one file, not {}", feed.input.name, count)
              : fmt::format("input {} has {} files, and there are {} steps", feed.input.name, count, steps),
          feed.carried ? "give its first contents only" : "give one file, or one for each step");
    }
  }
  return {};
}

std::vector<std::string> RunInputs::files() const {
  std::set<std::string> all;
  for (const Feed& feed : feeds_) all.insert(feed.files.begin(), feed.files.end());
  return {all.begin(), all.end()};
}

void RunInputs::add_options(CompileOptions& options) const {
  for (const Feed& feed : feeds_) {
    if (!feed.pictures || !program_converts(feed.input)) continue;
    InputOptions& input = options.inputs[feed.input.name];
    input.u8_nhwc = true;
    input.swap_red_blue = pictures_.order == "bgr";
    input.mean = mean_;
    input.std = std_;
  }
}

Status RunInputs::load_picture(const TensorView& to, const TensorInfo& input, const std::string& path) const {
  const PictureShape shape = *picture_shape(input.shape);
  Result<io::Image> image = load_fitting(path, shape, pictures_.resize);
  if (!image) return std::move(image).error();
  if (program_converts(input)) return to.copy_from(image->pixels);
  const bool swapped = pictures_.order == "bgr";
  if (input.type == DataType::u8) {
    const std::span<std::uint8_t> bytes = to.values<std::uint8_t>();
    for_each_byte(*image, shape, swapped,
                  [&](std::size_t at, std::size_t, std::uint8_t byte) { bytes[at] = byte; });
    return {};
  }
  const auto value = [](const std::vector<float>& list, std::size_t channel, float fallback) {
    return list.empty() ? fallback : list[list.size() == 1 ? 0 : channel];
  };
  const std::span<float> reals = to.values<float>();
  for_each_byte(*image, shape, swapped, [&](std::size_t at, std::size_t channel, std::uint8_t byte) {
    reals[at] = (static_cast<float>(byte) - value(mean_, channel, 0)) / value(std_, channel, 1);
  });
  return {};
}

Status RunInputs::load(Runtime& runtime, std::size_t step) const {
  for (std::size_t i = 0; i < feeds_.size(); ++i) {
    const Feed& feed = feeds_[i];
    const TensorView input = runtime.input(i);
    // Inputs keep their contents from one run to the next.
    if (step > 0 && (feed.carried || feed.files.size() == 1)) continue;
    if (feed.files.empty()) {
      std::ranges::fill(input.bytes(), std::byte{0});
      continue;
    }
    Status status =
        feed.pictures ? load_picture(input, feed.input, feed.file(step)) : load_array(input, feed.file(step));
    if (!status) return status;
  }
  return {};
}

std::string RunInputs::text(std::size_t step) const {
  std::string text;
  std::size_t fed = 0;
  for (const Feed& feed : feeds_) {
    if (feed.files.empty() || (feed.carried && step > 0)) continue;
    text += (fed++ == 0 ? "" : " ") + feed.input.name + "=" + feed.file(step);
  }
  return feeds_.size() == 1 && fed == 1 ? feeds_.front().file(step) : text;
}

}  // namespace fettle::cli
