// SPDX-License-Identifier: Apache-2.0
//
// Regions beside the layers that they cover.
#pragma once

#include "benchmarks/kernels/variant.h"

namespace fettle::benchmarks {

/// For each distinct region of the model finds the fastest variants of its layers in the same formats, alone,
/// and then times these one after the other, each reading what the one before has written, in turns with the
/// region's variants.
void measure_regions(const Model& model, const std::vector<LayerVariants>& variants,
                     const Arguments& arguments, ThreadPool* pool);

}  // namespace fettle::benchmarks
