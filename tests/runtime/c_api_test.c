/* SPDX-License-Identifier: Apache-2.0
 *
 * The C interface, from C: every function, and what it does with bad arguments.
 */
#include <fettle/c_api.h>

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_ok(fettle_status status) {
  if (status != 0) fprintf(stderr, "%s: %s\n", fettle_status_name(status), fettle_last_error());
  assert(status == 0);
}

/* The call failed with the status of that name, and said something that holds `text`. */
static void check_error(fettle_status status, const char* name, const char* text) {
  if (status == 0 || strcmp(fettle_status_name(status), name) != 0 ||
      strstr(fettle_last_error(), text) == NULL)
    fprintf(stderr, "wanted %s with '%s', got %s: %s\n", name, text, fettle_status_name(status),
            fettle_last_error());
  assert(status != 0 && strcmp(fettle_status_name(status), name) == 0);
  assert(strstr(fettle_last_error(), text) != NULL);
}

/* The whole file, to be freed. */
static char* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  assert(file != NULL);
  assert(fseek(file, 0, SEEK_END) == 0);
  *size = (size_t)ftell(file);
  rewind(file);
  char* bytes = malloc(*size);
  assert(bytes != NULL && fread(bytes, 1, *size, file) == *size);
  fclose(file);
  return bytes;
}

static void fill(float* values, size_t count) {
  for (size_t i = 0; i < count; ++i) values[i] = (float)((i * 37) % 101) / 50.0f - 1.0f;
}

static int pool_calls = 0;
static int pool_threads(void* context) { return *(int*)context; }
static void pool_parallel(void* context, int max_threads, int64_t range,
                          void (*task)(void*, int64_t, int64_t, int), void* task_context) {
  (void)context;
  (void)max_threads;
  ++pool_calls;
  /* One thread doing two shares is allowed too. */
  task(task_context, 0, range / 2, 0);
  task(task_context, range / 2, range, 1);
}

static void test_bad_arguments(const char* path) {
  fettle_model* model = NULL;
  fettle_runtime* runtime = NULL;
  fettle_plan* plan = NULL;
  fettle_program* program = NULL;
  check_error(fettle_model_load("/nowhere/a.onnx", &model), "file_not_found", "/nowhere/a.onnx");
  assert(model == NULL && strlen(fettle_last_hint()) > 0);
  check_error(fettle_model_load(NULL, &model), "invalid_argument", "fettle_model_load");
  check_error(fettle_model_load(path, NULL), "invalid_argument", "fettle_model_load");
  check_error(fettle_model_parse("no model", 8, "rubbish", &model), "model_malformed", "rubbish");
  check_error(fettle_model_parse(NULL, 8, NULL, &model), "invalid_argument", "fettle_model_parse");
  check_error(fettle_model_parse_with(NULL, 8, NULL, NULL, &model), "invalid_argument", "fettle_model_parse_with");
  check_error(fettle_model_load_with(path, NULL, NULL), "invalid_argument", "fettle_model_load_with");
  check_error(fettle_plan_load("/nowhere/a.plan", &plan), "file_not_found", "/nowhere/a.plan");
  check_error(fettle_plan_parse("{", 1, &plan), "plan_malformed", "");
  check_error(fettle_program_compile(NULL, NULL, NULL, &program), "invalid_argument",
              "fettle_program_compile");
  check_error(fettle_runtime_create(NULL, NULL, &runtime), "invalid_argument", "fettle_runtime_create");
  check_error(fettle_runtime_load("/nowhere/a.onnx", NULL, &runtime), "file_not_found", "/nowhere/a.onnx");
  fettle_model_free(NULL);
  fettle_plan_free(NULL);
  fettle_program_free(NULL);
  fettle_runtime_free(NULL);
  assert(strcmp(fettle_status_name(0), "ok") == 0);
}

static void test_tensors(fettle_runtime* runtime) {
  fettle_tensor_info info;
  size_t index = 9;
  assert(fettle_runtime_input_count(runtime) == 1 && fettle_runtime_output_count(runtime) == 1);
  check_ok(fettle_runtime_input_info(runtime, 0, &info));
  assert(strcmp(info.name, "image") == 0 && info.type == FETTLE_F32 && info.rank == 4 && info.nhwc == 0);
  assert(info.shape[0] == 1 && info.shape[1] == 3 && info.shape[2] == 32 && info.shape[3] == 32);
  assert(info.bytes == 3 * 32 * 32 * sizeof(float));
  check_ok(fettle_runtime_output_info(runtime, 0, &info));
  assert(info.bytes == 36 * sizeof(float));
  check_error(fettle_runtime_input_info(runtime, 1, &info), "invalid_argument", "1");
  check_error(fettle_runtime_output_info(runtime, 5, &info), "invalid_argument", "5");
  check_ok(fettle_runtime_find_input(runtime, "image", &index));
  assert(index == 0);
  check_ok(fettle_runtime_find_output(runtime, "scores", &index));
  check_error(fettle_runtime_find_input(runtime, "nobody", &index), "unknown_name", "nobody");
  check_error(fettle_runtime_find_output(runtime, "nobody", &index), "unknown_name", "nobody");
  assert(fettle_runtime_input_data(runtime, 1) == NULL && fettle_runtime_output_data(runtime, 1) == NULL);
}

static void test_running(const fettle_program* program) {
  fettle_runtime* runtime = NULL;
  static float input[3072];
  float expected[36];
  float output[36];
  fill(input, 3072);
  check_ok(fettle_runtime_create(program, NULL, &runtime));
  test_tensors(runtime);
  check_ok(fettle_runtime_set_input(runtime, 0, input, sizeof input));
  check_error(fettle_runtime_set_input(runtime, 0, input, 4), "wrong_size", "image");
  check_ok(fettle_runtime_run(runtime));
  check_ok(fettle_runtime_get_output(runtime, 0, expected, sizeof expected));
  check_error(fettle_runtime_get_output(runtime, 0, expected, 4), "wrong_size", "scores");
  assert(memcmp(expected, fettle_runtime_output_data(runtime, 0), sizeof expected) == 0);

  check_ok(fettle_runtime_bind_input(runtime, 0, input, sizeof input));
  check_ok(fettle_runtime_bind_output(runtime, 0, output, sizeof output));
  check_error(fettle_runtime_bind_input(runtime, 0, input, 8), "wrong_size", "image");
  check_error(fettle_runtime_bind_output(runtime, 3, output, sizeof output), "invalid_argument", "3");
  fettle_runtime_set_profiling(runtime, 1);
  check_ok(fettle_runtime_run(runtime));
  for (int i = 0; i < 36; ++i) assert(fabsf(output[i] - expected[i]) < 1e-4f);
  assert(strstr(fettle_runtime_profile_table(runtime), "conv") != NULL);
  assert(strchr(fettle_runtime_profile_trace(runtime), '{') != NULL);
  assert(fettle_runtime_report_count(runtime) == 0 && fettle_runtime_report(runtime, 0) == NULL);
  assert(fettle_runtime_arena_bytes(runtime) == fettle_program_arena_bytes(program));
  fettle_runtime_free(runtime);

  /* In the caller's memory, on the caller's threads. */
  int threads = 2;
  const fettle_thread_pool pool = {&threads, pool_threads, pool_parallel};
  fettle_runtime_options options;
  fettle_runtime_options_init(&options);
  options.memory_bytes = fettle_program_arena_bytes(program);
  options.memory = aligned_alloc(64, (options.memory_bytes + 63) / 64 * 64);
  options.pool = &pool;
  check_ok(fettle_runtime_create(program, &options, &runtime));
  check_ok(fettle_runtime_set_input(runtime, 0, input, sizeof input));
  check_ok(fettle_runtime_run(runtime));
  for (int i = 0; i < 36; ++i)
    assert(fabsf(((const float*)fettle_runtime_output_data(runtime, 0))[i] - expected[i]) < 1e-4f);
  assert(pool_calls > 0);
  fettle_runtime_free(runtime);
  options.memory_bytes -= 1;
  check_error(fettle_runtime_create(program, &options, &runtime), "wrong_size", "");
  free(options.memory);
}

static int log_lines = 0;
static void count_line(void* context, int level, const char* message) {
  assert(context == &log_lines && level >= 0 && level <= 1 && strlen(message) > 0);
  ++log_lines;
}

static void test_shapes_and_log(const char* path) {
  fettle_model* model = NULL;
  fettle_program* program = NULL;
  fettle_compile_options options;
  fettle_input_shape shape = {"image", 4, {1, 3, 32, 32}};
  check_ok(fettle_model_load_shaped(path, &shape, 1, &model));
  fettle_compile_options_init(&options);
  options.log = count_line;
  options.log_context = &log_lines;
  check_ok(fettle_program_compile(model, NULL, &options, &program));
  assert(log_lines > 0);
  fettle_program_free(program);
  assert(options.nonfinite == FETTLE_NONFINITE_SPREADS_IN_TILE);
  options.nonfinite = FETTLE_NONFINITE_EXACT;
  check_ok(fettle_program_compile(model, NULL, &options, &program));
  fettle_program_free(program);
  options.nonfinite = (fettle_nonfinite)3;
  check_error(fettle_program_compile(model, NULL, &options, &program), "invalid_argument", "nonfinite");
  options.struct_size = 0;
  check_error(fettle_program_compile(model, NULL, &options, &program), "invalid_argument", "options");
  fettle_model_free(model);
  fettle_model_options model_options;
  fettle_model_options_init(&model_options);
  check_ok(fettle_model_load_with(path, NULL, &model));
  fettle_model_free(model);
  model_options.shapes = &shape;
  model_options.shape_count = 1;
  model_options.keep_subnormals = 1;
  check_ok(fettle_model_load_with(path, &model_options, &model));
  fettle_model_free(model);
  shape.shape[2] = 64;
  check_error(fettle_model_load_with(path, &model_options, &model), "wrong_shape", "1x3x64x32");
  model_options.shapes = NULL;
  check_error(fettle_model_load_with(path, &model_options, &model), "invalid_argument", "fettle_model_load_with");
  check_error(fettle_model_parse_with(path, 1, NULL, &model_options, &model), "invalid_argument",
              "fettle_model_parse_with");
  model_options.struct_size = 0;
  check_error(fettle_model_load_with(path, &model_options, &model), "invalid_argument", "options");
  check_error(fettle_model_load_shaped(path, &shape, 1, &model), "wrong_shape", "1x3x64x32");
  shape.name = "nobody";
  check_error(fettle_model_load_shaped(path, &shape, 1, &model), "unknown_name", "nobody");
  shape.rank = 9;
  check_error(fettle_model_load_shaped(path, &shape, 1, &model), "invalid_argument", "rank");
  check_error(fettle_model_load_shaped(path, NULL, 1, &model), "invalid_argument",
              "fettle_model_load_shaped");
}

/* Makes height and width of the input free: "0a 02 08 20" is an extent of 32, "0a 02 12 00" one without a
 * name. */
static void free_extents(char* bytes, size_t size) {
  static const char kShape[] = "\x0a\x02\x08\x03\x0a\x02\x08\x20\x0a\x02\x08\x20";
  size_t at = 0;
  while (at + 12 < size && memcmp(bytes + at, kShape, 12) != 0) ++at;
  assert(at + 12 < size);
  memcpy(bytes + at + 6, "\x12\x00\x0a\x02\x12\x00", 6);
}

static void test_other_shapes(char* bytes, size_t size, const char* path) {
  fettle_model* fixed = NULL;
  fettle_model* small = NULL;
  fettle_model* large = NULL;
  fettle_program* program = NULL;
  fettle_program* other = NULL;
  fettle_runtime* runtime = NULL;
  fettle_weight_store* store = NULL;
  fettle_compile_options options;
  fettle_tensor_info info;
  fettle_input_shape shape = {"image", 4, {1, 3, 48, 40}};
  check_ok(fettle_model_load(path, &fixed));
  check_error(fettle_model_with_shapes(fixed, &shape, 1, &small), "wrong_shape", "1x3x48x40");
  fettle_model_free(fixed);
  free_extents(bytes, size);
  check_error(fettle_model_parse(bytes, size, NULL, &small), "wrong_shape", "free");
  check_ok(fettle_model_parse_shaped(bytes, size, NULL, &shape, 1, &small));
  shape.shape[2] = 64;
  check_error(fettle_model_with_shapes(NULL, &shape, 1, &large), "invalid_argument", "with_shapes");
  check_ok(fettle_model_with_shapes(small, &shape, 1, &large));
  check_ok(fettle_weight_store_create(&store));
  fettle_compile_options_init(&options);
  options.weights = store;
  check_ok(fettle_program_compile(small, NULL, &options, &program));
  const size_t weights = fettle_weight_store_bytes(store);
  check_ok(fettle_program_compile(large, NULL, &options, &other));
  assert(weights > 0 && fettle_weight_store_bytes(store) == weights);
  fettle_weight_store_free(store);
  fettle_model_free(small);
  fettle_model_free(large);
  fettle_program_free(program);
  check_ok(fettle_runtime_create(other, NULL, &runtime));
  check_ok(fettle_runtime_input_info(runtime, 0, &info));
  assert(info.shape[2] == 64 && info.shape[3] == 40);
  check_ok(fettle_runtime_run(runtime));
  fettle_runtime_free(runtime);
  fettle_program_free(other);
}

static void test_pictures(const fettle_model* model) {
  fettle_compile_options options;
  fettle_program* program = NULL;
  fettle_runtime* runtime = NULL;
  fettle_tensor_info info;
  fettle_compile_options_init(&options);
  options.picture_input = "image";
  for (int c = 0; c < 4; ++c) options.mean[c] = options.std[c] = 127.5f;
  options.release_weights = 1;
  check_ok(fettle_program_compile(model, NULL, &options, &program));
  check_ok(fettle_runtime_create(program, NULL, &runtime));
  check_ok(fettle_runtime_input_info(runtime, 0, &info));
  assert(info.type == FETTLE_U8 && info.nhwc == 1 && info.bytes == 3072);
  memset(fettle_runtime_input_data(runtime, 0), 200, 3072);
  check_ok(fettle_runtime_run(runtime));
  fettle_program_free(program); /* the runtime keeps what it needs */
  check_ok(fettle_runtime_run(runtime));
  fettle_runtime_free(runtime);

  options.threads = -3;
  check_error(fettle_program_compile(model, NULL, &options, &program), "invalid_argument", "-3");
  options.threads = 1;
  options.picture_input = "nobody";
  check_error(fettle_program_compile(model, NULL, &options, &program), "unknown_name", "nobody");
}

int main(int argc, char** argv) {
  fettle_model* model = NULL;
  fettle_model* parsed = NULL;
  fettle_model* half = NULL;
  fettle_program* program = NULL;
  fettle_runtime* runtime = NULL;
  fettle_compile_options options;
  size_t size = 0;
  assert(argc == 2);
  assert(strlen(fettle_version()) >= 5 && strcmp(fettle_last_error(), "") == 0);
  test_bad_arguments(argv[1]);

  check_ok(fettle_model_load(argv[1], &model));
  char* bytes = read_file(argv[1], &size);
  check_ok(fettle_model_parse(bytes, size, NULL, &parsed));
  check_error(fettle_model_parse(bytes, size / 2, "half", &half), "model_malformed", "half");
  test_other_shapes(bytes, size, argv[1]);
  free(bytes);
  fettle_compile_options_init(&options);
  options.threads = 2;
  check_ok(fettle_program_compile(model, NULL, &options, &program));
  assert(fettle_program_arena_bytes(program) > 0 && fettle_program_weight_bytes(program) > 100000);
  assert(fettle_program_report_count(program) == 0 && fettle_program_report(program, 0) == NULL);
  test_running(program);
  test_pictures(model);
  test_shapes_and_log(argv[1]);
  check_ok(fettle_runtime_load(argv[1], NULL, &runtime));
  check_ok(fettle_runtime_run(runtime));
  fettle_runtime_free(runtime);
  fettle_program_free(program);
  fettle_model_free(parsed);
  fettle_model_free(model);
  printf("the C interface works\n");
  return 0;
}
