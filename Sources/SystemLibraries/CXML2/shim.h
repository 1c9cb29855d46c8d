// A libxml2 with ICU includes ICU's headers, whose types differ from those of the ICU inside Foundation: a Swift file that
// sees both may fail to compile, depending on which module the compiler happens to read first. Nothing here needs them;
// the two fields they add are at the end of a structure that is only ever pointed to.
#include <libxml/xmlversion.h>
#undef LIBXML_ICU_ENABLED

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/tree.h>
#include <libxml/xmlerror.h>
