// SPDX-License-Identifier: Apache-2.0
//
// Calibration: from the distribution of an activation to the range that 8 bits stand for.
#pragma once

#include "tuner/quantise/histogram.h"

#include <fettle/quantisation.h>
#include <fettle/quantiser.h>

namespace fettle::tuner {

/// The range, 0 included, and so that 0 is a stored number.
ValueQuantisation quantisation_of(double low, double high, DataType type);

/// The range by one method, which is not `automatic`.
///
/// percentile: all but the outermost 0.01 % at each end. mse: the range, cut at both ends independently, with
/// the least mean squared error. kl: the cut at both ends by the same factor after which the distribution in
/// 8 bits diverges least from the one in floats (as Migacz, "8-bit inference with TensorRT", 2017, for ranges
/// that are not symmetric).
ValueQuantisation calibrate(const Histogram& histogram, RangeMethod method, DataType type);

/// Mean squared error of the histogram's numbers in that form.
double squared_error(const Histogram& histogram, const ValueQuantisation& form);

}  // namespace fettle::tuner
