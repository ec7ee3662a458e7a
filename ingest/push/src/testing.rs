//! Builds remote write messages by hand, field by field.

/// A message, or a part of one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proto(pub(crate) Vec<u8>);

impl Proto {
    pub(crate) fn varint(mut self, number: u64, value: u64) -> Proto {
        self.push_varint(number << 3);
        self.push_varint(value);
        self
    }

    pub(crate) fn double(mut self, number: u64, value: f64) -> Proto {
        self.push_varint(number << 3 | 1);
        self.0.extend(value.to_bits().to_le_bytes());
        self
    }

    pub(crate) fn bytes(mut self, number: u64, bytes: impl AsRef<[u8]>) -> Proto {
        self.push_varint(number << 3 | 2);
        self.push_varint(bytes.as_ref().len() as u64);
        self.0.extend(bytes.as_ref());
        self
    }

    pub(crate) fn message(self, number: u64, message: &Proto) -> Proto {
        self.bytes(number, &message.0)
    }

    pub(crate) fn packed(self, number: u64, values: &[u64]) -> Proto {
        let mut packed = Proto::default();
        for value in values {
            packed.push_varint(*value);
        }
        self.message(number, &packed)
    }

    /// As the body of a request.
    pub(crate) fn body(&self) -> Vec<u8> {
        snap::raw::Encoder::new().compress_vec(&self.0).unwrap()
    }

    fn push_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// Fields 1 and 2 of a sample: the same in both versions.
pub(crate) fn sample(value: f64, time: i64) -> Proto {
    Proto::default().double(1, value).varint(2, time as u64)
}

/// A series of version 1.0.
pub(crate) fn series_v1(labels: &[(&str, &str)], samples: &[(f64, i64)]) -> Proto {
    let mut series = Proto::default();
    for (name, value) in labels {
        series = series.message(1, &Proto::default().bytes(1, name).bytes(2, value));
    }
    for (value, time) in samples {
        series = series.message(2, &sample(*value, *time));
    }
    series
}

/// A message of version 1.0.
pub(crate) fn message_v1(all: &[Proto]) -> Proto {
    all.iter().fold(Proto::default(), |message, series| message.message(1, series))
}

/// A native histogram with whole numbers, of both versions: buckets 1 and 2 hold 1 and 3, one observation is zero.
pub(crate) fn histogram(time: i64) -> Proto {
    let zigzag = |value: i64| (value << 1 ^ value >> 63) as u64;
    Proto::default()
        .varint(1, 5)
        .double(3, 12.5)
        .varint(4, zigzag(0))
        .double(5, 0.001)
        .varint(6, 1)
        .message(11, &Proto::default().varint(1, zigzag(1)).varint(2, 2))
        .packed(12, &[zigzag(1), zigzag(2)])
        .varint(15, time as u64)
}
