// SPDX-License-Identifier: Apache-2.0
//
// The C interface over the C++ one.
#include <fettle/c_api.h>

#include "lib/base/guard.h"

#include <fettle/fettle.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

static_assert(static_cast<int>(fettle::DataType::boolean) == FETTLE_BOOLEAN);
static_assert(static_cast<int>(fettle::DataType::u2) == FETTLE_U2);
static_assert(fettle::kMaxRank == 8);

struct fettle_model {
  fettle::Model model;
};
struct fettle_plan {
  fettle::Plan plan;
};
struct fettle_program {
  fettle::Program program;
  std::vector<std::string> report{};
};
struct fettle_weight_store {
  std::shared_ptr<fettle::WeightStore> store;
};
struct fettle_runtime {
  fettle::Runtime runtime;
  std::vector<std::string> report{};
  std::string text{};
};

namespace {

using fettle::Error;
using fettle::ErrorCode;
using fettle::Result;
using fettle::Status;

// A function-local thread_local, so that the library has no dynamic initialiser.
std::optional<Error>& last_error() noexcept {
  thread_local std::optional<Error> error;
  return error;
}

fettle_status fail(Error error) noexcept {
  const int code = static_cast<int>(error.code());
  last_error().emplace(std::move(error));
  return code;
}

fettle_status finish(Status status) noexcept {
  if (!status) return fail(std::move(status).error());
  last_error().reset();
  return 0;
}

fettle_status null_argument(const char* function) noexcept {
  return finish(fettle::guard_allocation([&]() -> Status {
    return Error(ErrorCode::kInvalidArgument, std::string(function) + ": an argument is NULL",
                 "give a valid pointer");
  }));
}

fettle_status bad_options(const char* function) noexcept {
  return finish(fettle::guard_allocation([&]() -> Status {
    return Error(ErrorCode::kInvalidArgument, std::string(function) + ": options of unknown size",
                 "fill them with their init function first, from the header of this version");
  }));
}

// Runs `make`, which gives a Result of the C++ object, and wraps it into a handle.
template <typename Handle, typename Make>
fettle_status create(Handle** handle, Make&& make) noexcept {
  *handle = nullptr;
  return finish(fettle::guard_allocation([&]() -> Status {
    auto made = make();
    if (!made) return std::move(made).error();
    *handle = new (std::nothrow) Handle{*std::move(made)};
    if (*handle == nullptr) return Error(ErrorCode::kOutOfMemory, "out of memory");
    return {};
  }));
}

using Shapes = std::map<std::string, fettle::Shape>;

Result<Shapes> read_shapes(std::span<const fettle_input_shape> shapes, const char* function) {
  Shapes result;
  for (const fettle_input_shape& entry : shapes) {
    if (entry.name == nullptr || entry.rank < 0 || entry.rank > fettle::kMaxRank) {
      return Error(ErrorCode::kInvalidArgument,
                   std::string(function) + ": a shape without a name, or of a rank outside 0 to 8",
                   "fill name, rank and shape");
    }
    const std::span<const std::int64_t> dims(entry.shape, static_cast<std::size_t>(entry.rank));
    result[entry.name] = fettle::Shape(dims);
  }
  return result;
}

Result<fettle::ModelOptions> model_options(const fettle_model_options& options, const char* function) {
  fettle::ModelOptions result;
  Result<Shapes> shapes = read_shapes({options.shapes, options.shape_count}, function);
  if (!shapes) return std::move(shapes).error();
  result.shapes = *std::move(shapes);
  result.keep_subnormals = options.keep_subnormals != 0;
  return result;
}

// Fills `model` with what `make` gives for the options.
template <typename Make>
fettle_status create_model(fettle_model** model, const fettle_model_options* options, const char* function,
                           Make&& make) noexcept {
  if (options != nullptr && options->struct_size != sizeof(*options)) return bad_options(function);
  if (options != nullptr && options->shapes == nullptr && options->shape_count > 0)
    return null_argument(function);
  return create(model, [&]() -> Result<fettle::Model> {
    Result<fettle::ModelOptions> read =
        options != nullptr ? model_options(*options, function) : fettle::ModelOptions{};
    if (!read) return std::move(read).error();
    return make(*read);
  });
}

fettle_status load_model(const char* path, const fettle_model_options* options, fettle_model** model,
                         const char* function) noexcept {
  if (path == nullptr || model == nullptr) return null_argument(function);
  return create_model(model, options, function,
                      [&](const fettle::ModelOptions& read) { return fettle::Model::load(path, read); });
}

fettle_status parse_model(const void* bytes, std::size_t size, const char* name,
                          const fettle_model_options* options, fettle_model** model,
                          const char* function) noexcept {
  if (bytes == nullptr || model == nullptr) return null_argument(function);
  return create_model(model, options, function, [&](const fettle::ModelOptions& read) {
    return fettle::Model::parse({static_cast<const std::byte*>(bytes), size},
                                name != nullptr ? name : "model", read);
  });
}

fettle_model_options shaped(const fettle_input_shape* shapes, std::size_t count) noexcept {
  fettle_model_options options;
  fettle_model_options_init(&options);
  options.shapes = shapes;
  options.shape_count = count;
  return options;
}

std::vector<std::string> report_texts(std::span<const fettle::ReportEntry> report) {
  std::vector<std::string> texts;
  for (const fettle::ReportEntry& entry : report)
    texts.push_back(entry.layer.empty() ? entry.what : entry.layer + ": " + entry.what);
  return texts;
}

Result<fettle_runtime> with_report(Result<fettle::Runtime> made) {
  if (!made) return std::move(made).error();
  std::vector<std::string> report = report_texts(made->report());
  return fettle_runtime{*std::move(made), std::move(report), {}};
}

const char* text_at(const std::vector<std::string>& texts, std::size_t index) {
  return index < texts.size() ? texts[index].c_str() : nullptr;
}

fettle::CompileOptions compile_options(const fettle_compile_options* options) {
  fettle::CompileOptions result;
  if (options == nullptr) return result;
  result.threads = options->threads;
  if (options->weights != nullptr) result.weights = options->weights->store;
  result.nonfinite =
      static_cast<fettle::NonFinite>(std::min(static_cast<unsigned>(options->nonfinite), 255u));
  if (options->release_weights != 0) result.weight_policy = fettle::WeightPolicy::release;
  if (options->picture_input != nullptr) {
    fettle::InputOptions input;
    input.u8_nhwc = true;
    input.swap_red_blue = options->swap_red_blue != 0;
    input.mean.assign(std::begin(options->mean), std::end(options->mean));
    input.std.assign(std::begin(options->std), std::end(options->std));
    result.inputs[options->picture_input] = std::move(input);
  }
  if (options->log != nullptr) {
    result.log = [log = options->log, context = options->log_context](fettle::LogLevel level,
                                                                      const std::string& text) {
      log(context, level == fettle::LogLevel::warning ? 1 : 0, text.c_str());
    };
  }
  return result;
}

// The structure has room for 4 channels; the model says how many count.
void fit_channels(const fettle::Model& model, fettle::CompileOptions& options) {
  for (const fettle::TensorInfo& info : model.inputs()) {
    const auto entry = options.inputs.find(info.name);
    if (entry == options.inputs.end() || info.shape.rank() != 4) continue;
    const auto channels = static_cast<std::size_t>(std::clamp<std::int64_t>(info.shape[1], 0, 4));
    entry->second.mean.resize(channels);
    entry->second.std.resize(channels, 1.0f);
  }
}

class CallbackPool final : public fettle::ThreadPool {
 public:
  explicit CallbackPool(const fettle_thread_pool& pool) : pool_(pool) {}
  int threads() const noexcept override { return pool_.threads(pool_.context); }
  void parallel(int max_threads, std::int64_t range, Task task, void* context) noexcept override {
    pool_.parallel(pool_.context, max_threads, range, task, context);
  }

 private:
  fettle_thread_pool pool_;
};

fettle_status describe(std::span<const fettle::TensorInfo> infos, std::size_t index, fettle_tensor_info* info,
                       const char* function) noexcept {
  if (info == nullptr) return null_argument(function);
  if (index >= infos.size()) {
    return finish(fettle::guard_allocation([&]() -> Status {
      return Error(ErrorCode::kInvalidArgument, std::string(function) + ": index " + std::to_string(index) +
                                                    " is past the end, there are " +
                                                    std::to_string(infos.size()));
    }));
  }
  const fettle::TensorInfo& source = infos[index];
  *info = {};
  info->name = source.name.c_str();
  info->type = static_cast<fettle_data_type>(source.type);
  info->rank = source.shape.rank();
  std::copy(source.shape.begin(), source.shape.end(), info->shape);
  info->nhwc = source.layout == fettle::Layout::nhwc ? 1 : 0;
  info->bytes = source.bytes;
  return finish({});
}

fettle_status find(std::span<const fettle::TensorInfo> infos, const char* name, std::size_t* index,
                   const char* function) noexcept {
  if (name == nullptr || index == nullptr) return null_argument(function);
  return finish(fettle::guard_allocation([&]() -> Status {
    const auto found = std::find_if(infos.begin(), infos.end(),
                                    [&](const fettle::TensorInfo& info) { return info.name == name; });
    if (found == infos.end())
      return Error(ErrorCode::kUnknownName, std::string(function) + ": there is no " + name);
    *index = static_cast<std::size_t>(found - infos.begin());
    return {};
  }));
}

fettle_status check_index(std::size_t index, std::size_t count, const char* function) noexcept {
  if (index < count) return 0;
  return finish(fettle::guard_allocation([&]() -> Status {
    return Error(ErrorCode::kInvalidArgument, std::string(function) + ": index " + std::to_string(index) +
                                                  " is past the end, there are " + std::to_string(count));
  }));
}

}  // namespace

const char* fettle_version(void) { return FETTLE_VERSION; }
const char* fettle_last_error(void) { return last_error() ? last_error()->message().c_str() : ""; }
const char* fettle_last_hint(void) { return last_error() ? last_error()->hint().c_str() : ""; }
const char* fettle_status_name(fettle_status status) {
  return status == 0 ? "ok"
                     : fettle::error_name(static_cast<ErrorCode>(status))
                           .data();  // names are literals, so they end with a NUL
}

void fettle_model_options_init(fettle_model_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof(*options);
}

fettle_status fettle_model_load(const char* path, fettle_model** model) {
  return load_model(path, nullptr, model, __func__);
}

fettle_status fettle_model_load_shaped(const char* path, const fettle_input_shape* shapes, size_t count,
                                       fettle_model** model) {
  const fettle_model_options options = shaped(shapes, count);
  return load_model(path, &options, model, __func__);
}

fettle_status fettle_model_load_with(const char* path, const fettle_model_options* options,
                                     fettle_model** model) {
  return load_model(path, options, model, __func__);
}

fettle_status fettle_model_parse(const void* bytes, size_t size, const char* name, fettle_model** model) {
  return parse_model(bytes, size, name, nullptr, model, __func__);
}

fettle_status fettle_model_parse_shaped(const void* bytes, size_t size, const char* name,
                                        const fettle_input_shape* shapes, size_t count,
                                        fettle_model** model) {
  const fettle_model_options options = shaped(shapes, count);
  return parse_model(bytes, size, name, &options, model, __func__);
}

fettle_status fettle_model_parse_with(const void* bytes, size_t size, const char* name,
                                      const fettle_model_options* options, fettle_model** model) {
  return parse_model(bytes, size, name, options, model, __func__);
}

fettle_status fettle_model_with_shapes(const fettle_model* model, const fettle_input_shape* shapes,
                                       size_t count, fettle_model** reshaped) {
  if (model == nullptr || reshaped == nullptr || (shapes == nullptr && count > 0))
    return null_argument(__func__);
  return create(reshaped, [&]() -> Result<fettle::Model> {
    Result<Shapes> read = read_shapes({shapes, count}, __func__);
    if (!read) return std::move(read).error();
    return model->model.with_shapes(*read);
  });
}

void fettle_model_free(fettle_model* model) { delete model; }

fettle_status fettle_plan_load(const char* path, fettle_plan** plan) {
  if (path == nullptr || plan == nullptr) return null_argument(__func__);
  return create(plan, [&] { return fettle::Plan::load(path); });
}

fettle_status fettle_plan_parse(const char* text, size_t size, fettle_plan** plan) {
  if (text == nullptr || plan == nullptr) return null_argument(__func__);
  return create(plan, [&] { return fettle::Plan::parse({text, size}); });
}

void fettle_plan_free(fettle_plan* plan) { delete plan; }

fettle_status fettle_weight_store_create(fettle_weight_store** store) {
  if (store == nullptr) return null_argument(__func__);
  return create(store, []() -> Result<fettle_weight_store> {
    return fettle_weight_store{std::make_shared<fettle::WeightStore>()};
  });
}

size_t fettle_weight_store_bytes(const fettle_weight_store* store) { return store->store->bytes(); }
void fettle_weight_store_free(fettle_weight_store* store) { delete store; }

void fettle_compile_options_init(fettle_compile_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof(*options);
  std::fill(std::begin(options->std), std::end(options->std), 1.0f);
  options->nonfinite = FETTLE_NONFINITE_SPREADS_IN_TILE;
}

fettle_status fettle_program_compile(const fettle_model* model, const fettle_plan* plan,
                                     const fettle_compile_options* options, fettle_program** program) {
  if (model == nullptr || program == nullptr) return null_argument(__func__);
  if (options != nullptr && options->struct_size != sizeof(*options)) return bad_options(__func__);
  return create(program, [&]() -> Result<fettle_program> {
    fettle::CompileOptions compile = compile_options(options);
    fit_channels(model->model, compile);
    Result<fettle::Program> made =
        fettle::Program::compile(model->model, plan != nullptr ? &plan->plan : nullptr, compile);
    if (!made) return std::move(made).error();
    std::vector<std::string> report = report_texts(made->report());
    return fettle_program{*std::move(made), std::move(report)};
  });
}

void fettle_program_free(fettle_program* program) { delete program; }
size_t fettle_program_arena_bytes(const fettle_program* program) { return program->program.arena().bytes; }
size_t fettle_program_weight_bytes(const fettle_program* program) { return program->program.weight_bytes(); }
size_t fettle_program_report_count(const fettle_program* program) { return program->report.size(); }
const char* fettle_program_report(const fettle_program* program, size_t index) {
  return text_at(program->report, index);
}

void fettle_runtime_options_init(fettle_runtime_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof(*options);
}

fettle_status fettle_runtime_create(const fettle_program* program, const fettle_runtime_options* options,
                                    fettle_runtime** runtime) {
  if (program == nullptr || runtime == nullptr) return null_argument(__func__);
  if (options != nullptr && options->struct_size != sizeof(*options)) return bad_options(__func__);
  return create(runtime, [&]() -> Result<fettle_runtime> {
    fettle::RuntimeOptions runtime_options;
    if (options != nullptr) {
      runtime_options.memory = {static_cast<std::byte*>(options->memory),
                                options->memory == nullptr ? 0 : options->memory_bytes};
      runtime_options.profile = options->profile != 0;
      if (options->pool != nullptr) runtime_options.pool = std::make_shared<CallbackPool>(*options->pool);
    }
    return with_report(fettle::Runtime::create(program->program, runtime_options));
  });
}

fettle_status fettle_runtime_load(const char* model_path, const char* plan_path, fettle_runtime** runtime) {
  if (model_path == nullptr || runtime == nullptr) return null_argument(__func__);
  return create(runtime, [&] {
    return with_report(fettle::Runtime::load(model_path, plan_path != nullptr ? plan_path : ""));
  });
}

void fettle_runtime_free(fettle_runtime* runtime) { delete runtime; }
size_t fettle_runtime_input_count(const fettle_runtime* runtime) { return runtime->runtime.input_count(); }
size_t fettle_runtime_output_count(const fettle_runtime* runtime) { return runtime->runtime.output_count(); }

fettle_status fettle_runtime_input_info(const fettle_runtime* runtime, size_t index,
                                        fettle_tensor_info* info) {
  return runtime == nullptr ? null_argument(__func__)
                            : describe(runtime->runtime.program().inputs(), index, info, __func__);
}

fettle_status fettle_runtime_output_info(const fettle_runtime* runtime, size_t index,
                                         fettle_tensor_info* info) {
  if (runtime == nullptr) return null_argument(__func__);
  const std::span<const fettle::TensorInfo> bounds = runtime->runtime.program().outputs();
  if (index >= bounds.size()) return describe(bounds, index, info, __func__);
  // Those of the last run, where they depend on data.
  return describe({&const_cast<fettle_runtime*>(runtime)->runtime.output(index).info(), 1}, 0, info,
                  __func__);
}

fettle_status fettle_runtime_find_input(const fettle_runtime* runtime, const char* name, size_t* index) {
  return runtime == nullptr ? null_argument(__func__)
                            : find(runtime->runtime.program().inputs(), name, index, __func__);
}

fettle_status fettle_runtime_find_output(const fettle_runtime* runtime, const char* name, size_t* index) {
  return runtime == nullptr ? null_argument(__func__)
                            : find(runtime->runtime.program().outputs(), name, index, __func__);
}

void* fettle_runtime_input_data(fettle_runtime* runtime, size_t index) {
  return index < runtime->runtime.input_count() ? runtime->runtime.input(index).bytes().data() : nullptr;
}

const void* fettle_runtime_output_data(fettle_runtime* runtime, size_t index) {
  return index < runtime->runtime.output_count() ? runtime->runtime.output(index).bytes().data() : nullptr;
}

fettle_status fettle_runtime_set_input(fettle_runtime* runtime, size_t index, const void* data,
                                       size_t bytes) {
  if (runtime == nullptr || data == nullptr) return null_argument(__func__);
  if (const fettle_status status = check_index(index, runtime->runtime.input_count(), __func__); status != 0)
    return status;
  return finish(fettle::guard_allocation([&] {
    return runtime->runtime.input(index).copy_from(
        std::span<const std::byte>(static_cast<const std::byte*>(data), bytes));
  }));
}

fettle_status fettle_runtime_get_output(fettle_runtime* runtime, size_t index, void* data, size_t bytes) {
  if (runtime == nullptr || data == nullptr) return null_argument(__func__);
  if (const fettle_status status = check_index(index, runtime->runtime.output_count(), __func__); status != 0)
    return status;
  return finish(fettle::guard_allocation([&] {
    return runtime->runtime.output(index).copy_to({static_cast<std::byte*>(data), bytes});
  }));
}

fettle_status fettle_runtime_bind_input(fettle_runtime* runtime, size_t index, const void* memory,
                                        size_t bytes) {
  if (runtime == nullptr || memory == nullptr) return null_argument(__func__);
  return finish(runtime->runtime.bind_input(index, {static_cast<const std::byte*>(memory), bytes}));
}

fettle_status fettle_runtime_bind_output(fettle_runtime* runtime, size_t index, void* memory, size_t bytes) {
  if (runtime == nullptr || memory == nullptr) return null_argument(__func__);
  return finish(runtime->runtime.bind_output(index, {static_cast<std::byte*>(memory), bytes}));
}

fettle_status fettle_runtime_run(fettle_runtime* runtime) {
  return runtime == nullptr ? null_argument(__func__) : finish(runtime->runtime.run());
}

void fettle_runtime_set_profiling(fettle_runtime* runtime, int on) {
  runtime->runtime.set_profiling(on != 0);
}

namespace {

const char* keep_text(fettle_runtime* runtime, std::string (fettle::Runtime::*make)() const) noexcept {
  const fettle_status status = finish(fettle::guard_allocation([&]() -> Status {
    runtime->text = (runtime->runtime.*make)();
    if (runtime->text.empty()) return fettle::out_of_memory();
    return {};
  }));
  return status == 0 ? runtime->text.c_str() : nullptr;
}

}  // namespace

const char* fettle_runtime_profile_table(fettle_runtime* runtime) {
  return keep_text(runtime, &fettle::Runtime::profile_table);
}
const char* fettle_runtime_profile_trace(fettle_runtime* runtime) {
  return keep_text(runtime, &fettle::Runtime::profile_trace);
}
size_t fettle_runtime_report_count(const fettle_runtime* runtime) { return runtime->report.size(); }
const char* fettle_runtime_report(const fettle_runtime* runtime, size_t index) {
  return text_at(runtime->report, index);
}
size_t fettle_runtime_arena_bytes(const fettle_runtime* runtime) {
  return runtime->runtime.program().arena().bytes;
}
