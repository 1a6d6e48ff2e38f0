// SPDX-License-Identifier: Apache-2.0
//
// Contents that are given for an input, in its type and shape.
#pragma once

#include "lib/graph/imported.h"

#include <fettle/model.h>

namespace fettle::onnx_import {

/// What `given` says, as dense bytes of the input's type. Errors: kWrongShape (not the input's type or
/// shape), kInvalidArgument (a number that the type does not have).
Result<BoundInput> contents_of(const graph::DeclaredInput& declared, DataType type, const BoundInput& given,
                               const ModelLimits& limits);

}  // namespace fettle::onnx_import
