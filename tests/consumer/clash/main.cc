// SPDX-License-Identifier: Apache-2.0
//
// Uses Fettle, another protobuf and another XNNPACK in one process, by turns.
#include <fettle/fettle.h>
#include <google/protobuf/struct.pb.h>
#include <pthreadpool.h>
#include <xnnpack.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

namespace {

bool protobuf_works() {
  google::protobuf::Struct written, read;
  (*written.mutable_fields())["answer"].set_number_value(42);
  std::string bytes;
  return written.SerializeToString(&bytes) && read.ParseFromString(bytes) &&
         read.fields().at("answer").number_value() == 42;
}

bool xnnpack_works() {
  if (xnn_initialize(nullptr) != xnn_status_success) return false;
  pthreadpool_t pool = pthreadpool_create(2);
  xnn_operator_t op = nullptr;
  float in[16], out[16] = {};
  for (int i = 0; i < 16; ++i) in[i] = static_cast<float>(i - 8);
  xnn_unary_params bounds{};
  bounds.clamp.min = -2.0f;
  bounds.clamp.max = 3.0f;
  const bool ran = xnn_create_unary_elementwise_nc(xnn_unary_clamp, xnn_datatype_fp32, xnn_datatype_fp32,
                                                   &bounds, nullptr, nullptr, 0, &op) == xnn_status_success &&
                   xnn_reshape_unary_elementwise_nc(op, 1, 16, 16, 16, pool) == xnn_status_success &&
                   xnn_setup_unary_elementwise_nc(op, in, out) == xnn_status_success &&
                   xnn_run_operator(op, pool) == xnn_status_success;
  xnn_delete_operator(op);
  pthreadpool_destroy(pool);
  for (int i = 0; ran && i < 16; ++i) {
    if (out[i] != std::fmin(std::fmax(in[i], -2.0f), 3.0f)) return false;
  }
  return ran;
}

bool fettle_works(const char* model) {
  auto runtime = fettle::Runtime::load(model);
  if (!runtime) return false;
  const auto input = runtime->input(0).bytes();
  std::memset(input.data(), 0, input.size());
  return static_cast<bool>(runtime->run()) && std::isfinite(runtime->output(0).values<float>()[0]);
}

}  // namespace

int main(int, char** argv) {
  for (int turn = 0; turn < 2; ++turn) {
    if (!protobuf_works()) return std::puts("protobuf failed"), 1;
    if (!fettle_works(argv[1])) return std::puts("fettle failed"), 1;
    if (!xnnpack_works()) return std::puts("XNNPACK failed"), 1;
  }
  return 0;
}
