# docker build -f docs/docker/onnx.Dockerfile -t narrowcast-onnx .
# docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" narrowcast-onnx run net.yaml
FROM python:3.11-slim
COPY . /narrowcast
RUN pip install --no-cache-dir -c /narrowcast/constraints.txt "/narrowcast[onnx]"
ENV HOME=/tmp PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
ENTRYPOINT ["narrowcast"]
