// Stands in for a header of gloo, which LibTorch holds compiled but does not ship (docs/decisions/081-data-parallel.md).
#pragma once

#include <gloo/context.h>
