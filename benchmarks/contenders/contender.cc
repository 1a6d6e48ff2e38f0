// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/contenders/contender.h"

#include "benchmarks/baseline/blas_baseline.h"
#include "benchmarks/contenders/module.h"

namespace fettle::benchmarks {
namespace {

Result<std::unique_ptr<Contender>> make_default(const Task& task) { return make_fettle(task, false, {}); }
Result<std::unique_ptr<Contender>> make_plan(const Task& task) { return make_fettle(task, true, {}); }
Result<std::unique_ptr<Contender>> make_xnnpack(const Task& task) {
  return make_fettle(task, false, xnnpack_kernels());
}
Result<std::unique_ptr<Contender>> make_blas(const Task& task) {
  return make_fettle(task, false, blas_kernels());
}
Result<std::unique_ptr<Contender>> make_caffe(const Task& task) {
  return make_fettle(task, false, caffe_kernels());
}

struct Maker {
  const char* name;
  Result<std::unique_ptr<Contender>> (*make)(const Task&);  ///< null: in a module
};

constexpr Maker kMakers[] = {
#ifdef FETTLE_ONNXRUNTIME_LIBRARY
    {"ort", make_onnxruntime},
#endif
    {"default", make_default}, {"plan", make_plan},   {"xnnpack", make_xnnpack},
#ifdef FETTLE_WITH_OPENCV
    {"opencv", nullptr},
#endif
#ifdef FETTLE_WITH_NCNN
    {"ncnn", nullptr},
#endif
#ifdef FETTLE_WITH_MNN
    {"mnn", nullptr},
#endif
    {"blas", make_blas},       {"caffe", make_caffe},
};

}  // namespace

std::vector<std::string> contender_names() {
  std::vector<std::string> names;
  for (const Maker& maker : kMakers) names.emplace_back(maker.name);
  return names;
}

Result<std::unique_ptr<Contender>> make_contender(const std::string& name, const Task& task) {
  for (const Maker& maker : kMakers) {
    if (name == maker.name) return maker.make != nullptr ? maker.make(task) : open_module(name, task);
  }
  std::string known;
  for (const std::string& other : contender_names()) known += " " + other;
  return Error(ErrorCode::kInvalidArgument, "no contender is called " + name, "this build has" + known);
}

#ifndef FETTLE_ONNXRUNTIME_LIBRARY
Result<std::vector<RivalNode>> profile_onnxruntime(const Task&, const std::vector<Values>&, int) {
  return Error(ErrorCode::kNotCompiledIn, "this build has no ONNX Runtime to compare layers with",
               "get it with scripts/bootstrap --with-benchmarks, and configure again");
}
#endif

}  // namespace fettle::benchmarks
