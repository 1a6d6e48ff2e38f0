// SPDX-License-Identifier: Apache-2.0
//
// Two vectors at a time: the constants of polynomials take most of the 16 registers.
#include "kernels/common/attention_loop.h"
#include "kernels/common/elementwise_binary_loop.h"
#include "kernels/common/elementwise_unary_loop.h"
#include "kernels/common/normalisation_loop.h"
#include "kernels/common/softmax_loop.h"
#include "kernels/x86/loops.h"
#include "kernels/x86/simd_avx2.h"

namespace fettle::kernels {

constinit const UnarySet kUnaryAvx2 = unary_set<Avx2, 2>();
constinit const BinarySet kBinaryAvx2 = binary_set<Avx2>();
constinit const SoftmaxSet kSoftmaxAvx2 = {softmax_rows<Avx2>};
constinit const ScoreSet kScoresAvx2 = {weigh_scores<Avx2>};
constinit const NormSet kNormAvx2 = norm_set<Avx2>();

}  // namespace fettle::kernels
