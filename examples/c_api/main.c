/* SPDX-License-Identifier: Apache-2.0
 *
 * The C interface: loads a network, fills its first input with one number, runs, and prints the largest
 * output.
 *
 *   fettle_example_c_api MODEL [PLAN]
 */
#include <fettle/c_api.h>

#include <stdio.h>

static int fail(fettle_status status) {
  fprintf(stderr, "%s: %s\n%s\n", fettle_status_name(status), fettle_last_error(), fettle_last_hint());
  return 1;
}

int main(int argc, char** argv) {
  fettle_runtime* runtime = NULL;
  fettle_tensor_info input;
  fettle_tensor_info output;
  fettle_status status;
  size_t best = 0;
  if (argc < 2) {
    fprintf(stderr, "usage: %s MODEL [PLAN]\n", argv[0]);
    return 2;
  }
  status = fettle_runtime_load(argv[1], argc > 2 ? argv[2] : NULL, &runtime);
  if (status != 0) return fail(status);
  if ((status = fettle_runtime_input_info(runtime, 0, &input)) != 0) return fail(status);
  if ((status = fettle_runtime_output_info(runtime, 0, &output)) != 0) return fail(status);
  if (input.type != FETTLE_F32 || output.type != FETTLE_F32) {
    fprintf(stderr, "%s: this example is for networks of 32-bit floats\n", argv[1]);
    fettle_runtime_free(runtime);
    return 1;
  }

  float* values = fettle_runtime_input_data(runtime, 0);
  for (size_t i = 0; i < input.bytes / sizeof(float); ++i) values[i] = 0.5f;
  if ((status = fettle_runtime_run(runtime)) != 0) return fail(status);

  const float* scores = fettle_runtime_output_data(runtime, 0);
  for (size_t i = 0; i < output.bytes / sizeof(float); ++i) {
    if (scores[i] > scores[best]) best = i;
  }
  printf("%s is largest at %zu: %.4f\n", output.name, best, (double)scores[best]);
  fettle_runtime_free(runtime);
  return 0;
}
