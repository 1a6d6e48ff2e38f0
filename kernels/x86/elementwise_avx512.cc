// SPDX-License-Identifier: Apache-2.0
#include "kernels/common/attention_loop.h"
#include "kernels/common/elementwise_binary_loop.h"
#include "kernels/common/elementwise_unary_loop.h"
#include "kernels/common/normalisation_loop.h"
#include "kernels/common/softmax_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx512.h"

namespace fettle::kernels {

constinit const UnarySet kUnaryAvx512 = unary_set<Avx512, 4>();
constinit const BinarySet kBinaryAvx512 = binary_set<Avx512>();
constinit const SoftmaxSet kSoftmaxAvx512 = {softmax_rows<Avx512>};
constinit const ScoreSet kScoresAvx512 = {weigh_scores<Avx512>};
constinit const NormSet kNormAvx512 = norm_set<Avx512>();

}  // namespace fettle::kernels
