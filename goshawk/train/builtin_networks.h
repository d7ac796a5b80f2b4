// The networks that come with the program, as text. The source is models/networks/*.yaml.
#pragma once

namespace goshawk::train {

extern const char* const kGoshawkNetwork;

}  // namespace goshawk::train
