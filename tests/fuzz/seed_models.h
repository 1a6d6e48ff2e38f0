// SPDX-License-Identifier: Apache-2.0
//
// Small models of all operators, for the seeds.
#pragma once

#include "tests/onnx/model_bytes.h"

#include <string>
#include <vector>

namespace fettle::fuzz {

struct Seed {
  std::string name;
  onnx_bytes::ModelBytes model;
};

std::vector<Seed> seed_models();

}  // namespace fettle::fuzz
