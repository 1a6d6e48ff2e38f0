// SPDX-License-Identifier: Apache-2.0
//
// fettle run: a network on one or more pictures or arrays.
#include "tuner/cli/command.h"
#include "tuner/io/image.h"
#include "tuner/io/npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <memory>
#include <numeric>

namespace fettle::cli {
namespace {

constexpr std::int64_t kMostPixels = 65535;  // along an axis of a picture

struct RunArguments {
  ModelArguments model;
  std::vector<std::string> inputs;
  std::string mean;
  std::string std;
  std::string order = "rgb";
  std::string resize = "stretch";
  std::string labels;
  std::string output;
  int top = 5;
  bool json = false;
};

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

Status load_picture(const TensorView& input, const std::string& path, const std::string& resize) {
  const Shape& shape = input.shape();
  if (shape.rank() != 4 || shape[0] != 1 || (shape[1] != 1 && shape[1] != 3) || shape[2] > kMostPixels ||
      shape[3] > kMostPixels) {
    return Error(
        ErrorCode::kWrongShape,
        "input " + input.info().name + " is " + shape.text() + ": a picture fits 1x1xHxW and 1x3xHxW only",
        "give a .npy file");
  }
  Result<io::Image> image = io::load_image(path, static_cast<int>(shape[1]));
  if (!image) return std::move(image).error();
  const int width = static_cast<int>(shape[3]);
  const int height = static_cast<int>(shape[2]);
  if (image->width != width || image->height != height) {
    if (resize == "none") {
      return Error(ErrorCode::kWrongShape,
                   path + " is " + std::to_string(image->width) + "x" + std::to_string(image->height) +
                       ", the network takes " + std::to_string(width) + "x" + std::to_string(height),
                   "use --resize stretch or --resize crop");
    }
    image =
        io::resize_image(resize == "crop" ? io::crop_image(*image, width, height) : *image, width, height);
    if (!image)
      return Error(image.error().code(), path + ": " + image.error().message(), image.error().hint());
  }
  return input.copy_from(image->pixels);
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
  if (Status status = input.copy_from(std::span<const std::byte>(bytes)); !status) {
    return Error(status.error().code(), path + ": " + status.error().message(), status.error().hint());
  }
  return {};
}

Result<std::vector<std::string>> read_labels(const std::string& path) {
  std::vector<std::string> labels;
  if (path.empty()) return labels;
  Result<std::vector<std::byte>> bytes = read_file(path, std::size_t{64} << 20);
  if (!bytes) return std::move(bytes).error();
  std::string line;
  for (std::byte byte : *bytes) {
    const char c = static_cast<char>(byte);
    if (c == '\n')
      labels.push_back(std::exchange(line, {}));
    else if (c != '\r')
      line.push_back(c);
  }
  if (!line.empty()) labels.push_back(line);
  return labels;
}

// The best classes of each f32 output; outputs of other types are described only.
void describe_outputs(Runtime& runtime, const RunArguments& arguments, const std::vector<std::string>& labels,
                      const std::string& file, Json& json, std::string& text) {
  Json entry{{"input", file}};
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "{}\n", file);
  for (std::size_t i = 0; i < runtime.output_count(); ++i) {
    const TensorView view = runtime.output(i);
    fmt::format_to(out, "  {} {} {}\n", view.info().name, to_string(view.type()), view.shape().text());
    Json top = Json::array();
    const std::span<const float> values = view.values<float>();
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const std::size_t count = std::min(order.size(), static_cast<std::size_t>(arguments.top));
    // NaN comes last: a comparison that does not order is undefined behaviour in a sort.
    const auto better = [&](std::size_t a, std::size_t b) {
      const bool a_nan = std::isnan(values[a]);
      const bool b_nan = std::isnan(values[b]);
      if (a_nan != b_nan) return b_nan;
      return !a_nan && values[a] != values[b] ? values[a] > values[b] : a < b;
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), better);
    for (std::size_t k = 0; k < count; ++k) {
      const std::string label = order[k] < labels.size() ? labels[order[k]] : std::string();
      fmt::format_to(out, "  {:>6}  {:<12.6g} {}\n", order[k], values[order[k]], label);
      top.push_back({{"index", order[k]}, {"value", values[order[k]]}, {"label", label}});
    }
    entry["outputs"].push_back({{"name", view.info().name}, {"shape", view.shape().text()}, {"top", top}});
  }
  json.push_back(entry);
}

Result<InputOptions> picture_options(const RunArguments& arguments) {
  InputOptions input;
  input.u8_nhwc = true;
  input.swap_red_blue = arguments.order == "bgr";
  Result<std::vector<float>> mean = parse_floats(arguments.mean, "--mean");
  if (!mean) return std::move(mean).error();
  Result<std::vector<float>> std = parse_floats(arguments.std, "--std");
  if (!std) return std::move(std).error();
  input.mean = *std::move(mean);
  input.std = *std::move(std);
  return input;
}

// Where each of the model's outputs is written.
std::vector<std::string> output_names(const std::string& path, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count && !path.empty(); ++i)
    names.push_back(count == 1 ? path : path + "." + std::to_string(i));
  return names;
}

Status save_outputs(Runtime& runtime, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const TensorView view = runtime.output(i);
    const std::string array = io::format_npy(view.type(), view.shape().dims(), view.bytes());
    if (Status status = write_file(names[i], array); !status) return status;
  }
  return {};
}

// Before anything runs: names of outputs are known when the model is.
Status check(const RunArguments& arguments, const Model& model, const std::vector<std::string>& names) {
  if (model.inputs().size() != 1) {
    return Error(ErrorCode::kInvalidArgument,
                 "the model has " + std::to_string(model.inputs().size()) + " inputs, `fettle run` feeds one",
                 "use `fettle verify` with an .npz file");
  }
  std::vector<std::string> read = arguments.inputs;
  read.insert(read.end(), {arguments.model.model, arguments.model.plan, arguments.labels});
  std::vector<Output> outputs;
  for (const std::string& name : names) outputs.push_back({name});
  return check_outputs(outputs, read);
}

int run(const RunArguments& arguments) {
  Result<LoadOptions> options = arguments.model.load_options();
  if (!options) return fail(options.error());
  Result<Model> model = Model::load(arguments.model.model, options->model);
  if (!model) return fail(model.error());
  const std::vector<std::string> names = output_names(arguments.output, model->outputs().size());
  if (Status status = check(arguments, *model, names); !status) return fail(status.error());
  const bool pictures = std::all_of(arguments.inputs.begin(), arguments.inputs.end(), is_picture);
  if (pictures) {
    Result<InputOptions> input = picture_options(arguments);
    if (!input) return fail(input.error());
    options->compile.inputs[model->inputs().front().name] = *std::move(input);
  } else if (std::any_of(arguments.inputs.begin(), arguments.inputs.end(), is_picture)) {
    return fail(
        Error(ErrorCode::kInvalidArgument, "pictures and arrays are mixed", "run them one kind at a time"));
  }
  Result<Loaded> loaded = load(arguments.model, *options);
  if (!loaded) return fail(loaded.error());
  print_report(loaded->program.report());
  Result<Runtime> runtime = Runtime::create(loaded->program, options->runtime);
  if (!runtime) return fail(runtime.error());
  Result<std::vector<std::string>> labels = read_labels(arguments.labels);
  if (!labels) return fail(labels.error());
  Json json = Json::array();
  std::string text;
  for (const std::string& file : arguments.inputs) {
    Status status = pictures ? load_picture(runtime->input(0), file, arguments.resize)
                             : load_array(runtime->input(0), file);
    if (status) status = runtime->run();
    if (!status) return fail(status.error());
    describe_outputs(*runtime, arguments, *labels, file, json, text);
  }
  if (Status status = save_outputs(*runtime, names); !status) return fail(status.error());
  print(arguments.json ? json.dump(2) + "\n" : text);
  return kSuccess;
}

}  // namespace

void add_run(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("run", "Run a network on pictures or arrays");
  auto arguments = std::make_shared<RunArguments>();
  arguments->model.add_to(*command);
  command->add_option("--input", arguments->inputs, "JPEG, PNG, .npy or raw files (the input's bytes)")
      ->required()
      ->check(file_name());
  command->add_option("--mean", arguments->mean,
                      "subtracted from pixels 0..255: one value, or one value per channel");
  command->add_option("--std", arguments->std, "then divides: one value, or one value per channel");
  command->add_option("--order", arguments->order, "channel order that the network wants")
      ->check(CLI::IsMember({"rgb", "bgr"}));
  command->add_option("--resize", arguments->resize, "how a picture of another size is fitted")
      ->check(CLI::IsMember({"stretch", "crop", "none"}));
  command->add_option("--labels", arguments->labels, "text file with one class name a line")
      ->check(file_name());
  command->add_option("--top", arguments->top, "how many classes to print")->check(CLI::Range(1, 1000000));
  command
      ->add_option("-o,--output", arguments->output,
                   "write the (last) outputs as .npy; several as FILE.0, FILE.1, ...")
      ->check(file_name());
  command->add_flag("--json", arguments->json, "print JSON");
  command->callback([=, &exit_code] { exit_code = run(*arguments); });
}

}  // namespace fettle::cli
