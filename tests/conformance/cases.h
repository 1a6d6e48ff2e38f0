// SPDX-License-Identifier: Apache-2.0
//
// The ONNX backend tests: a folder a case, with model.onnx and data sets of inputs and expected outputs.
#pragma once

#include <fettle/error.h>
#include <fettle/types.h>

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace fettle::test {

struct CaseTensor {
  std::string name;
  DataType type = DataType::undefined;  ///< undefined: not a tensor, or of a type that Fettle has not
  Shape shape;
  std::vector<std::byte> bytes;
};

struct DataSet {
  std::vector<CaseTensor> inputs;
  std::vector<CaseTensor> outputs;
};

/// Where a model's input goes first: which operand of which operator.
struct InputUse {
  std::string op;
  int operand = 0;
};

struct Case {
  std::string name;  ///< "node/test_abs"
  std::vector<std::byte> model;
  std::set<std::string> operators;  ///< with the domain before them unless it is ONNX's own
  std::vector<std::string> inputs;  ///< without initialisers
  std::vector<InputUse> uses;       ///< of each input
  std::vector<DataSet> data;
};

/// The folders of all cases below `root`, sorted.
std::vector<std::filesystem::path> case_folders(const std::filesystem::path& root);
/// Reads one. Errors: kFileUnreadable, kModelMalformed.
Result<Case> read_case(const std::filesystem::path& folder);

}  // namespace fettle::test
