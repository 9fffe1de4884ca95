// The volume spike detector of plugins/volume-spike-detector, in C: the same rule, the same signals.
//
// trader.h and trader.c are made from sdk/wit/v1 by wit-bindgen. What they hand to an export belongs to it, and is freed here;
// what an export answers is freed by them.

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "trader.h"

enum { SPIKE_UP, SPIKE_DOWN, TAGS };
enum { INTERVAL, PERIOD, MULTIPLIER, MIN_MOVE_PERCENT, COOLDOWN, PARAMS };
enum { OPEN, HIGH, LOW, CLOSE, VOLUME, VALUES_PER_CANDLE = 8 };
// The one plot: the volume, and the average before it.
enum { LINES = 2 };

static const char *const INTERVALS[] = { "1m", "3m", "5m",  "15m", "30m", "1h", "2h",
                                         "4h", "6h", "8h",  "12h", "1d",  "3d", "1w" };
enum { INTERVAL_COUNT = sizeof INTERVALS / sizeof *INTERVALS };

static uint32_t period;
static double multiplier;
static double min_move_percent;

// What is known of one symbol: the last volumes, a ring of `period`.
typedef struct {
    double *volumes;
    uint32_t count;
    uint32_t next;
} state_t;

// By symbol id. A symbol that is not there has no volumes.
static state_t *states;
static uint32_t state_count;

// As the trap that it becomes, with words for the author.
static _Noreturn void fail(const char *why) {
    trader_string_t words;
    trader_string_set(&words, why);
    vyx_trader_diagnostics_log(VYX_TRADER_TYPES_LEVEL_PANIC, &words);
    abort();
}

static void *room(size_t count, size_t size) {
    void *found = malloc(count * size);
    if (!found) fail("volume_spike.c: no more memory");
    memset(found, 0, count * size);
    return found;
}

static void describe_param(vyx_trader_types_param_t *param, const char *name, const char *help) {
    trader_string_dup(&param->name, name);
    trader_string_dup(&param->help, help);
}

static void bounds(vyx_trader_types_param_t *param, double minimum, double maximum) {
    param->minimum = (trader_option_f64_t){ true, minimum };
    param->maximum = (trader_option_f64_t){ true, maximum };
}

static void integer(vyx_trader_types_param_t *param, int64_t value) {
    param->default_.tag = VYX_TRADER_TYPES_PARAM_VALUE_INTEGER;
    param->default_.val.integer = value;
}

static void number(vyx_trader_types_param_t *param, double value) {
    param->default_.tag = VYX_TRADER_TYPES_PARAM_VALUE_NUMBER;
    param->default_.val.number = value;
}

void exports_vyx_trader_guest_describe(exports_vyx_trader_guest_description_t *ret) {
    trader_string_dup(&ret->name, "Volume Spike Detector");
    trader_string_dup(&ret->summary, "Signals when a candle of unusual volume moves the price up or down.");
    trader_string_dup(&ret->sdk, "wit-bindgen-c");

    vyx_trader_types_param_t *params = room(PARAMS, sizeof *params);
    describe_param(&params[INTERVAL], "interval", "Interval of the candles.");
    params[INTERVAL].default_.tag = VYX_TRADER_TYPES_PARAM_VALUE_TEXT;
    trader_string_dup(&params[INTERVAL].default_.val.text, "5m");
    trader_string_t *choices = room(INTERVAL_COUNT, sizeof *choices);
    for (size_t i = 0; i < INTERVAL_COUNT; i++) trader_string_dup(&choices[i], INTERVALS[i]);
    params[INTERVAL].choices = (trader_list_string_t){ choices, INTERVAL_COUNT };
    describe_param(&params[PERIOD], "period", "Candles of the average, the one in hand not included.");
    integer(&params[PERIOD], 20);
    bounds(&params[PERIOD], 2, 500);
    describe_param(&params[MULTIPLIER], "multiplier", "The volume has to be above that many averages.");
    number(&params[MULTIPLIER], 3);
    bounds(&params[MULTIPLIER], 1, 100);
    describe_param(&params[MIN_MOVE_PERCENT], "min_move_percent",
                   "The close has to be at least so far from the open, percent.");
    number(&params[MIN_MOVE_PERCENT], 0.5);
    bounds(&params[MIN_MOVE_PERCENT], 0, 50);
    describe_param(&params[COOLDOWN], "cooldown", "Candles after a signal in which no further one of its kind is kept.");
    integer(&params[COOLDOWN], 3);
    bounds(&params[COOLDOWN], 0, 1000);
    ret->params = (vyx_trader_types_list_param_t){ params, PARAMS };

    vyx_trader_types_tag_t *tags = room(TAGS, sizeof *tags);
    trader_string_dup(&tags[SPIKE_UP].name, "spike-up");
    trader_string_dup(&tags[SPIKE_UP].help, "unusual volume while the price rose");
    trader_string_dup(&tags[SPIKE_DOWN].name, "spike-down");
    trader_string_dup(&tags[SPIKE_DOWN].help, "unusual volume while the price fell");
    ret->tags = (vyx_trader_types_list_tag_t){ tags, TAGS };

    vyx_trader_types_plot_t *plots = room(1, sizeof *plots);
    trader_string_dup(&plots->id, "volume");
    trader_string_dup(&plots->title, "Volume, average before it");
    trader_string_dup(&plots->panel, "volume");
    plots->lines = LINES;
    ret->plots = (vyx_trader_types_list_plot_t){ plots, 1 };
}

static void add(exports_vyx_trader_guest_list_symbol_t *symbols) {
    for (size_t i = 0; i < symbols->len; i++) {
        uint32_t id = symbols->ptr[i].id;
        if (id >= state_count) {
            uint32_t count = id + 1 > 2 * state_count ? id + 1 : 2 * state_count;
            state_t *more = room(count, sizeof *more);
            if (states) memcpy(more, states, state_count * sizeof *states);
            free(states);
            states = more;
            state_count = count;
        }
        states[id] = (state_t){ room(period, sizeof(double)), 0, 0 };
    }
    exports_vyx_trader_guest_list_symbol_free(symbols);
}

bool exports_vyx_trader_guest_init(exports_vyx_trader_guest_list_tuple2_string_param_value_t *params,
                                   exports_vyx_trader_guest_list_symbol_t *symbols,
                                   exports_vyx_trader_guest_subscription_t *ret, trader_string_t *err) {
    (void)err;
    // The host has checked types and bounds, and gives them in the order of `describe`.
    period = (uint32_t)params->ptr[PERIOD].f1.val.integer;
    multiplier = params->ptr[MULTIPLIER].f1.val.number;
    min_move_percent = params->ptr[MIN_MOVE_PERCENT].f1.val.number;
    add(symbols);

    memset(ret, 0, sizeof *ret);
    vyx_trader_types_interval_need_t *need = room(1, sizeof *need);
    trader_string_t *interval = &params->ptr[INTERVAL].f1.val.text;
    trader_string_dup_n(&need->interval, (const char *)interval->ptr, interval->len);
    need->warm_up = period;
    ret->intervals = (vyx_trader_types_list_interval_need_t){ need, 1 };
    ret->hygiene.cooldown_candles = (uint32_t)params->ptr[COOLDOWN].f1.val.integer;
    exports_vyx_trader_guest_list_tuple2_string_param_value_free(params);
    return true;
}

// The average of the last `period` volumes, NaN until they are there.
static double average(const state_t *state) {
    if (state->count < period) return __builtin_nan("");
    double sum = 0;
    for (uint32_t i = 0; i < period; i++) sum += state->volumes[i];
    return sum / period;
}

static void take(state_t *state, double volume) {
    state->volumes[state->next] = volume;
    state->next = (state->next + 1) % period;
    if (state->count < period) state->count++;
}

static void look(uint32_t index, state_t *state, const double *candle, double *plotted) {
    // The average before the candle is taken in: a spike that is part of its own average hides itself.
    double before = average(state);
    double volume = candle[VOLUME];
    take(state, volume);
    plotted[0] = volume;
    plotted[1] = before;

    bool is_spike = before > 0 && volume > multiplier * before;
    double rise = candle[CLOSE] - candle[OPEN];
    if (!is_spike || __builtin_fabs(rise) < candle[OPEN] * min_move_percent / 100) return;
    if (rise > 0) vyx_trader_signals_emit(index, SPIKE_UP);
    if (rise < 0) vyx_trader_signals_emit(index, SPIKE_DOWN);
}

void exports_vyx_trader_guest_on_close(uint32_t interval, int64_t open_time, int64_t close_time, trader_list_u32_t *symbols,
                                       trader_list_f64_t *candles, trader_list_f64_t *ret) {
    (void)interval, (void)open_time, (void)close_time;
    double *plotted = room(symbols->len * LINES, sizeof *plotted);
    for (uint32_t index = 0; index < symbols->len; index++) {
        uint32_t id = symbols->ptr[index];
        if (id >= state_count || !states[id].volumes) fail("volume_spike.c: a candle of a symbol that was never named");
        look(index, &states[id], &candles->ptr[index * VALUES_PER_CANDLE], &plotted[index * LINES]);
    }
    *ret = (trader_list_f64_t){ plotted, symbols->len * LINES };
    trader_list_u32_free(symbols);
    trader_list_f64_free(candles);
}

void exports_vyx_trader_guest_on_symbols(exports_vyx_trader_guest_list_symbol_t *added, trader_list_u32_t *gone) {
    add(added);
    for (size_t i = 0; i < gone->len; i++) {
        uint32_t id = gone->ptr[i];
        if (id >= state_count) continue;
        free(states[id].volumes);
        states[id] = (state_t){ 0 };
    }
    trader_list_u32_free(gone);
}

void exports_vyx_trader_guest_on_gap(uint32_t symbol, uint32_t interval, int64_t first, int64_t until) {
    // An average of candles, not of time: a gap changes nothing.
    (void)symbol, (void)interval, (void)first, (void)until;
}
