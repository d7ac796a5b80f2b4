// Linked into every test that runs under AddressSanitizer: leaks that are not ours.
#define LEAK_SANITIZER_HOOK extern "C" [[gnu::visibility("default")]] const char*

// NOLINTBEGIN(bugprone-reserved-identifier): the sanitizer looks for these names
LEAK_SANITIZER_HOOK __lsan_default_suppressions();
LEAK_SANITIZER_HOOK __lsan_default_options();

// fontconfig and libltdl, both of which PLplot brings, keep what they have allocated; threads of OpenVINO are still there
// when the process ends.
const char* __lsan_default_suppressions() {
  return "leak:libfontconfig\nleak:libltdl\nleak:libtbb\nleak:libopenvino\nleak:libhwloc\n";
}
const char* __lsan_default_options() { return "print_suppressions=0"; }
// NOLINTEND(bugprone-reserved-identifier)
