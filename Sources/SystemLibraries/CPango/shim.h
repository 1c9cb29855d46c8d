// Cairo draws, Pango sets the text.
#include <cairo.h>

#include <cairo-pdf.h>
#include <cairo-svg.h>

// What is used of Pango, as its headers of version 1 declare it. They are not included: the search paths that pkg-config
// tells for them come with -pthread, of which SwiftPM warns at every build.
#define PANGO_SCALE 1024

typedef struct _PangoLayout PangoLayout;
typedef struct _PangoFontDescription PangoFontDescription;

PangoFontDescription *_Nonnull pango_font_description_new(void);
void pango_font_description_free(PangoFontDescription *_Nonnull font);
void pango_font_description_set_family_static(PangoFontDescription *_Nonnull font, const char *_Nonnull family);
/// 400 is normal, 700 bold.
void pango_font_description_set_weight(PangoFontDescription *_Nonnull font, int weight);
void pango_font_description_set_absolute_size(PangoFontDescription *_Nonnull font, double size);

PangoLayout *_Nonnull pango_cairo_create_layout(cairo_t *_Nonnull cairo);
void pango_cairo_show_layout(cairo_t *_Nonnull cairo, PangoLayout *_Nonnull layout);
void pango_layout_set_font_description(PangoLayout *_Nonnull layout, const PangoFontDescription *_Nonnull font);
void pango_layout_set_single_paragraph_mode(PangoLayout *_Nonnull layout, int is_single);
void pango_layout_set_text(PangoLayout *_Nonnull layout, const char *_Nonnull text, int length);
void pango_layout_get_size(PangoLayout *_Nonnull layout, int *_Nonnull width, int *_Nonnull height);
int pango_layout_get_baseline(PangoLayout *_Nonnull layout);
int pango_layout_get_unknown_glyphs_count(PangoLayout *_Nonnull layout);
void g_object_unref(void *_Nonnull object);
